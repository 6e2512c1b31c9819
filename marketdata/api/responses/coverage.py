"""Bodies of coverage. The description of the endpoint explains the fields."""

from __future__ import annotations

from rest_framework import serializers

from marketdata.api.responses.fields import CountField
from marketdata.coverage.days import DayCoverage
from marketdata.coverage.gaps import Gap, Gaps
from marketdata.coverage.report import Coverage
from marketdata.models import Series
from marketdata.timestamps import to_iso


class DaySerializer(serializers.Serializer):
    """One complete day."""

    day = serializers.DateField()
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    ts = serializers.DateTimeField(help_text="The timestamp of the day's 1d candle.")
    bars = CountField()
    open_bars = CountField(help_text="The bars in minutes that the exchange was open.")
    expected = CountField(help_text="The minutes that the exchange was open.")
    expected_by_now = CountField()
    forming = serializers.BooleanField(help_text="Whether the day is not over.")
    first = serializers.DateTimeField(allow_null=True, help_text="The first bar. Null for a day without bars.")
    last = serializers.DateTimeField(allow_null=True, help_text="The last bar. Null for a day without bars.")
    gaps = CountField()


class GapSerializer(serializers.Serializer):
    """The minutes without a bar between two bars."""

    after = serializers.DateTimeField(help_text="The last bar before the gap.")
    before = serializers.DateTimeField(help_text="The first bar after the gap.")
    minutes = CountField()
    open_minutes = CountField(allow_null=True, help_text="Null without a calendar.")


class CoverageSerializer(serializers.Serializer):
    """The bars per day of a range, and its gaps."""

    symbol = serializers.CharField()
    calendar = serializers.CharField(help_text="The trading calendar of the series. Empty without one.")
    days_are = serializers.CharField(help_text="The kind of day.")
    start = serializers.DateTimeField(allow_null=True, help_text="Null for a series without bars.")
    end = serializers.DateTimeField(allow_null=True, help_text="Null for a series without bars.")
    days = DaySerializer(many=True)
    usual_bars = CountField(allow_null=True)
    gap_count = CountField()
    open_gap_count = CountField(allow_null=True, help_text="Null without a calendar.")
    closed_gap_count = CountField(allow_null=True, help_text="Null without a calendar.")
    gaps = GapSerializer(many=True)


def serialize_coverage(series: Series, coverage: Coverage | None) -> dict:
    """Days and gaps. For a series without bars `coverage` is None: `start` and `end` are null, the lists are empty."""
    gaps = coverage.gaps if coverage else Gaps(0, 0 if series.calendar else None, [])
    return {
        "symbol": series.symbol,
        "calendar": series.calendar,
        "days_are": f"trading days of {series.calendar}" if series.calendar else "UTC days",
        "start": to_iso(coverage.start if coverage else None),
        "end": to_iso(coverage.end if coverage else None),
        "days": [_serialize_day(day) for day in coverage.days] if coverage else [],
        "usual_bars": coverage and coverage.usual_bars,
        "gap_count": gaps.count,
        "open_gap_count": gaps.open_count,
        "closed_gap_count": None if gaps.open_count is None else gaps.count - gaps.open_count,
        "gaps": [_serialize_gap(gap) for gap in gaps.longest],
    }


def _serialize_day(day: DayCoverage) -> dict:
    times = {name: to_iso(getattr(day, name)) for name in ("start", "end", "ts", "first", "last")}
    return vars(day) | {"day": day.day.isoformat()} | times


def _serialize_gap(gap: Gap) -> dict:
    return {
        "after": to_iso(gap.after),
        "before": to_iso(gap.before),
        "minutes": gap.minutes,
        "open_minutes": gap.open_minutes,
    }
