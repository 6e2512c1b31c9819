"""Bodies of coverage. The description of the endpoint explains the fields."""

from __future__ import annotations

from rest_framework import serializers

from marketdata.api.responses.fields import CountField, SessionField
from marketdata.api.responses.gaps import VerdictField
from marketdata.calendars.hours import Hours
from marketdata.coverage.days import DayCoverage
from marketdata.coverage.gaps import Gap
from marketdata.coverage.life import Range
from marketdata.coverage.provisional_days import find_provisional_days
from marketdata.coverage.report import Coverage, describe_nothing
from marketdata.coverage.verdicts.model import Verdict
from marketdata.coverage.verdicts.query import Judgement, judge_coverage
from marketdata.models import Series
from marketdata.timestamps import to_iso


class DaySerializer(serializers.Serializer):
    """One complete day."""

    day = serializers.DateField()
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    ts = serializers.DateTimeField(help_text="The timestamp of the day's 1d candle.")
    bars = CountField()
    open_bars = CountField(help_text="The bars in regular hours.")
    expected = CountField(help_text="The minutes of the series' life in which the exchange was open.")
    expected_by_now = CountField()
    forming = serializers.BooleanField(help_text="Whether the exchange is still to trade on this day.")
    first = serializers.DateTimeField(allow_null=True, help_text="The first bar. Null for a day without bars.")
    last = serializers.DateTimeField(allow_null=True, help_text="The last bar. Null for a day without bars.")
    gaps = CountField()
    extended_bars = CountField(help_text="The bars in extended hours. 0 with session=regular.")
    outside_session = CountField(help_text="The bars in minutes that the exchange was closed.")
    outside_data = serializers.BooleanField(help_text="Whether the exchange was open, but not within the life.")
    provisional = serializers.BooleanField(
        help_text="Whether the live feed brought bars of the day that history does not confirm yet."
    )
    verdict = VerdictField(
        allow_null=True, help_text="The most serious verdict of the missing minutes. Null if none is missing."
    )


class RangeSerializer(serializers.Serializer):
    """A half-open range of time."""

    start = serializers.DateTimeField()
    end = serializers.DateTimeField()


class GapSerializer(serializers.Serializer):
    """The minutes of [start, end), which have no bar."""

    start = serializers.DateTimeField(help_text="The first missing minute.")
    end = serializers.DateTimeField(help_text="The end of the last missing minute.")
    after = serializers.DateTimeField(
        allow_null=True, help_text="The last bar before the gap. Null where the range or the life begins."
    )
    before = serializers.DateTimeField(
        allow_null=True, help_text="The first bar after the gap. Null where the range or the life ends."
    )
    minutes = CountField()
    open_minutes = CountField(allow_null=True, help_text="Null without a calendar.")
    verdict = VerdictField(help_text="The most serious verdict of these minutes; the list of gaps divides them.")
    evidence = serializers.CharField(help_text="The reason as a sentence.")


class CoverageSerializer(serializers.Serializer):
    """The bars per day of a range, and its gaps."""

    symbol = serializers.CharField()
    calendar = serializers.CharField(help_text="The trading calendar of the series. Empty without one.")
    session = SessionField()
    days_are = serializers.CharField(help_text="The kind of day.")
    start = serializers.DateTimeField(allow_null=True, help_text="Null for a series without bars.")
    end = serializers.DateTimeField(allow_null=True, help_text="Null for a series without bars.")
    life = RangeSerializer(many=True)
    days = DaySerializer(many=True)
    outside_data_days = CountField(help_text="How many of the days are outside the data.")
    usual_bars = CountField(allow_null=True)
    missing_minutes = CountField(allow_null=True, help_text="The open minutes of all gaps. Null without a calendar.")
    gap_count = CountField()
    open_gap_count = CountField(allow_null=True, help_text="Null without a calendar.")
    closed_gap_count = CountField(allow_null=True, help_text="Null without a calendar.")
    gaps = GapSerializer(many=True)
    outside_session_count = CountField(allow_null=True, help_text="Null without a calendar.")
    outside_session = serializers.ListField(
        child=serializers.DateTimeField(), help_text="The first 1,000 bars while the exchange was closed."
    )


def serialize_coverage(series: Series, coverage: Coverage | None, hours: Hours) -> dict:
    """Days and gaps. For a series without bars `coverage` is None: `start` and `end` are null, the lists are empty."""
    judged = judge_coverage(series, coverage)
    gaps, outside = (coverage.gaps, coverage.outside_session) if coverage else describe_nothing(series)
    days = coverage.days if coverage else []
    return {
        "symbol": series.symbol,
        "calendar": series.calendar,
        "session": hours,
        "days_are": f"trading days of {series.calendar}" if series.calendar else "UTC days",
        "start": to_iso(coverage.start if coverage else None),
        "end": to_iso(coverage.end if coverage else None),
        "life": [_serialize_range(one) for one in coverage.list_life()] if coverage else [],
        "days": [
            _serialize_day(day, judged, is_provisional)
            for day, is_provisional in zip(days, find_provisional_days(series, days), strict=True)
        ],
        "outside_data_days": sum(day.outside_data for day in days),
        "usual_bars": coverage and coverage.usual_bars,
        "missing_minutes": gaps.open_minutes,
        "gap_count": gaps.count,
        "open_gap_count": gaps.open_count,
        "closed_gap_count": None if gaps.open_count is None else gaps.count - gaps.open_count,
        "gaps": [_serialize_gap(gap, judged) for gap in gaps.longest],
        "outside_session_count": outside and outside.count,
        "outside_session": [to_iso(bar) for bar in outside.first] if outside else [],
    }


def _serialize_range(one: Range) -> dict:
    start, end = one
    return {"start": to_iso(start), "end": to_iso(end)}


def _serialize_day(day: DayCoverage, judged: Judgement, is_provisional: bool) -> dict:
    times = {name: to_iso(getattr(day, name)) for name in ("start", "end", "ts", "first", "last")}
    worst = None if day.outside_data else judged.find_worst(day.start, day.end)
    verdict = worst.verdict if worst and worst.verdict is not Verdict.CLOSED else None
    return vars(day) | {"day": day.day.isoformat(), "provisional": is_provisional, "verdict": verdict} | times


def _serialize_gap(gap: Gap, judged: Judgement) -> dict:
    times = {name: to_iso(getattr(gap, name)) for name in ("start", "end", "after", "before")}
    worst = judged.find_worst(gap.start, gap.end)
    return times | {
        "minutes": gap.minutes,
        "open_minutes": gap.open_minutes,
        "verdict": worst.verdict if worst else Verdict.CLOSED,
        "evidence": worst.evidence if worst else "",
    }
