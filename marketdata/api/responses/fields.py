"""Kinds of fields that several bodies have."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiTypes, extend_schema_field
from rest_framework import serializers

from marketdata.calendars.hours import Hours
from marketdata.candles.periods import TIMEFRAMES

NEXT_CURSOR = "`cursor` of the next page. Null on the last page."
NEXT = "The address of the next page. Null on the last page."
VOLUME = "An integer up to 2^64 - 1."


@extend_schema_field(OpenApiTypes.INT64)
class CountField(serializers.IntegerField):
    """A number that can exceed 32 bits."""


class PriceField(serializers.DecimalField):
    """Exact decimal text, such as 16800.25."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=20, decimal_places=9, **options)


class TimeframeField(serializers.ChoiceField):
    """The length of a bar or candle."""

    def __init__(self, **options: Any) -> None:
        super().__init__(("1m", *TIMEFRAMES), **options)


class SessionField(serializers.ChoiceField):
    """Which hours count."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            [hours.value for hours in Hours], help_text="`session` of the request: the hours that count.", **options
        )


class OrderField(serializers.ChoiceField):
    """The order of a page."""

    def __init__(self, **options: Any) -> None:
        super().__init__(("asc", "desc"), help_text="By time.", **options)
