"""What the API says, and in which form: times ISO 8601 in UTC, prices as exact decimal text."""

from __future__ import annotations

from django.utils import timezone
from rest_framework import serializers

from marketdata.bars.query import BarRow
from marketdata.bars.revisions import RevisionRow
from marketdata.bars.stats import SeriesStats
from marketdata.coverage.days import DayCoverage
from marketdata.coverage.gaps import Gap, Gaps
from marketdata.coverage.report import Coverage
from marketdata.formatting import format_age
from marketdata.models import IngestRun, Series
from marketdata.timestamps import to_iso

EMPTY = "No data ingested yet"


def stats_as_json(series: Series, stats: SeriesStats) -> dict:
    """The stats of one series. `latest_close` is a JSON number, as its readers expect; bars carry exact decimals."""
    body = {
        "row_count": stats.row_count,
        "min_ts": to_iso(stats.min_ts),
        "max_ts": to_iso(stats.max_ts),
        "latest_close": None if stats.latest_close is None else float(stats.latest_close),
        "latest_ts": to_iso(stats.max_ts),
        "symbol": series.symbol,
        "timeframe": "1m",
        "vendor": series.vendor,
    }
    return body if stats.row_count else body | {"message": EMPTY}


def series_as_json(series: Series, stats: SeriesStats, run: IngestRun | None) -> dict:
    """One line of the list of series, with its last run."""
    return {
        "slug": series.slug,
        "symbol": series.symbol,
        "name": series.name,
        "bars": stats.row_count,
        "first": to_iso(stats.min_ts),
        "last": to_iso(stats.max_ts),
        "freshness": format_age(stats.max_ts, timezone.now()) if stats.max_ts else EMPTY,
        "last_run": None
        if run is None
        else {"id": run.pk, "status": run.status, "finished_at": to_iso(run.finished_at)},
    }


def bar_as_json(bar: BarRow) -> dict:
    return bar._asdict() | {"ts": to_iso(bar.ts), "volume": int(bar.volume)}


def revision_as_json(revision: RevisionRow) -> dict:
    times = {"ts": to_iso(revision.ts), "replaced_at": to_iso(revision.replaced_at)}
    return revision._asdict() | times | {"volume": int(revision.volume)}


def coverage_as_json(series: Series, coverage: Coverage | None) -> dict:
    """Days and the gaps between bars. Without any bar the range is unknown and the lists are empty."""
    gaps = coverage.gaps if coverage else Gaps(0, 0 if series.calendar else None, [])
    return {
        "symbol": series.symbol,
        "calendar": series.calendar,
        "days_are": f"trading days of {series.calendar}" if series.calendar else "UTC days",
        "start": to_iso(coverage and coverage.start),
        "end": to_iso(coverage and coverage.end),
        "days": [_day_as_json(day) for day in coverage.days] if coverage else [],
        "usual_bars": coverage and coverage.usual_bars,
        "gap_count": gaps.count,
        "open_gap_count": gaps.open_count,
        "closed_gap_count": None if gaps.open_count is None else gaps.count - gaps.open_count,
        "gaps": [_gap_as_json(gap) for gap in gaps.longest],
    }


def _day_as_json(day: DayCoverage) -> dict:
    times = {name: to_iso(getattr(day, name)) for name in ("start", "end", "ts", "first", "last")}
    return vars(day) | {"day": day.day.isoformat()} | times


def _gap_as_json(gap: Gap) -> dict:
    return {
        "after": to_iso(gap.after),
        "before": to_iso(gap.before),
        "minutes": gap.minutes,
        "open_minutes": gap.open_minutes,
    }


class IngestRunSerializer(serializers.ModelSerializer):
    """Every field of the audit trail, and the last run that took this one back."""

    undone_by = serializers.SerializerMethodField()

    def get_undone_by(self, run: IngestRun) -> int | None:
        return max((undo.pk for undo in run.undone_by.all() if undo.status == IngestRun.Status.SUCCESS), default=None)

    class Meta:
        model = IngestRun
        fields = "__all__"
