"""Bodies of candles."""

from __future__ import annotations

from rest_framework import serializers

from marketdata.api.responses.fields import (
    NEXT,
    NEXT_CURSOR,
    CountField,
    OrderField,
    PriceField,
    SessionField,
    TimeframeField,
)
from marketdata.api.responses.json_rows import JsonRows
from marketdata.api.responses.provisional import PROVISIONAL, ProvisionalRangeSerializer
from marketdata.candles.columns import Candles
from marketdata.candles.json_text import write_candles


class CandleSerializer(serializers.Serializer):
    """One candle."""

    ts = serializers.DateTimeField(help_text="The start of the candle.")
    session_date = serializers.DateField(help_text="The trading day, or the first date of the week.")
    open = PriceField()
    high = PriceField()
    low = PriceField()
    close = PriceField()
    volume = serializers.IntegerField(help_text="The sum of the bars. It can exceed 2^64 - 1.")
    bar_count = CountField(help_text="The number of bars.")
    expected = CountField(help_text="The number of minutes of regular hours. Extended hours do not count.")
    forming = serializers.BooleanField(help_text="Whether the exchange is still to trade in the period.")


class CandlePageSerializer(serializers.Serializer):
    """One page of candles."""

    symbol = serializers.CharField()
    timeframe = TimeframeField()
    calendar = serializers.CharField(help_text="The trading calendar of the series. Empty without one.")
    session = SessionField()
    order = OrderField()
    provisional = ProvisionalRangeSerializer(many=True, help_text=PROVISIONAL)
    bars = CandleSerializer(many=True, help_text="The candles.")
    next_cursor = serializers.DateTimeField(allow_null=True, help_text=NEXT_CURSOR)
    next = serializers.URLField(allow_null=True, help_text=NEXT)


def format_candles(candles: Candles) -> JsonRows:
    """The candles as `CandleSerializer` describes them."""
    return JsonRows(write_candles(candles))
