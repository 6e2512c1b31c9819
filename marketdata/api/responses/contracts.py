"""Bodies of contracts: a field of the list of series, and the choices of a short code."""

from __future__ import annotations

from datetime import UTC, datetime

from rest_framework import serializers

from marketdata.bars.stats import SeriesStats
from marketdata.models import Series

ACTIVE = (
    "Whether it can still trade: true until the last date on which it can, and for what does not expire. Null if the "
    "year is not settled."
)


class ContractSerializer(serializers.Serializer):
    """What the series is a series of. Dates are UTC."""

    kind = serializers.ChoiceField(Series.Kind.choices)
    root = serializers.CharField(  # type: ignore[assignment]  # not the attribute: fields are moved out of the class
        help_text="The product, such as NQ. Empty if unknown."
    )
    month = serializers.IntegerField(
        allow_null=True, min_value=1, max_value=12, help_text="Of delivery; of a spread, that of its first leg."
    )
    year = serializers.IntegerField(allow_null=True, help_text="Of delivery. Null if it is not settled.")
    first = serializers.DateField(allow_null=True, help_text="The date of the first bar. Null without bars.")
    last = serializers.DateField(allow_null=True, help_text="The date of the last bar. Null without bars.")
    expiration = serializers.DateField(allow_null=True, help_text="From a definition file. Null without one.")
    active = serializers.BooleanField(allow_null=True, help_text=ACTIVE)
    settled = serializers.BooleanField(help_text="Whether the year is known. A definition file settles it.")
    raw_symbols = serializers.ListField(
        child=serializers.CharField(), help_text="The symbols that the loaded files have for it, such as NQH5."
    )


class ChoiceSerializer(serializers.Serializer):
    """One contract with the requested short code."""

    slug = serializers.CharField(help_text="The name in addresses.")
    symbol = serializers.CharField(help_text="The name in the table of bars.")
    first = serializers.DateField(allow_null=True, help_text="The UTC date of the first bar. Null without bars.")
    last = serializers.DateField(allow_null=True, help_text="The UTC date of the last bar. Null without bars.")
    url = serializers.URLField(help_text="The requested address, for this contract.")


class ChoicesSerializer(serializers.Serializer):
    """The contracts with the requested short code, in order of time."""

    choices = ChoiceSerializer(many=True)


def serialize_choice(series: Series, stats: SeriesStats, url: str) -> dict:
    return {
        "slug": series.slug,
        "symbol": series.symbol,
        "first": _format_date(stats.min_ts),
        "last": _format_date(stats.max_ts),
        "url": url,
    }


def _format_date(ts: datetime | None) -> str | None:
    return ts.astimezone(UTC).date().isoformat() if ts else None
