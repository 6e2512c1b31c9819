"""The JSON bodies of the API: times are ISO 8601 in UTC, prices are exact decimal text."""

from __future__ import annotations

from django.utils import timezone

from marketdata.bars.query import BarRow
from marketdata.bars.revisions import RevisionRow
from marketdata.bars.stats import SeriesStats
from marketdata.candles.aggregate import Candle
from marketdata.coverage.days import DayCoverage
from marketdata.coverage.gaps import Gap, Gaps
from marketdata.coverage.report import Coverage
from marketdata.formatting import format_age
from marketdata.models import IngestRun, Series
from marketdata.timestamps import to_iso

NO_DATA = "No data ingested yet"


def serialize_stats(series: Series, stats: SeriesStats, timeframe: str = "1m") -> dict:
    """`latest_close` is a JSON number, which existing clients expect. Bars and candles have exact decimal text."""
    body = {
        "row_count": stats.row_count,
        "min_ts": to_iso(stats.min_ts),
        "max_ts": to_iso(stats.max_ts),
        "latest_close": None if stats.latest_close is None else float(stats.latest_close),
        "latest_ts": to_iso(stats.max_ts),
        "symbol": series.symbol,
        "timeframe": timeframe,
        "vendor": series.vendor,
    }
    return body if stats.row_count else body | {"message": NO_DATA}


def serialize_series(series: Series, stats: SeriesStats, run: IngestRun | None) -> dict:
    """One entry of the list of series. `run` is the last run of the series."""
    return {
        "slug": series.slug,
        "symbol": series.symbol,
        "name": series.name,
        "bars": stats.row_count,
        "first": to_iso(stats.min_ts),
        "last": to_iso(stats.max_ts),
        "freshness": format_age(stats.max_ts, timezone.now()) if stats.max_ts else NO_DATA,
        "last_run": None
        if run is None
        else {"id": run.pk, "status": run.status, "finished_at": to_iso(run.finished_at)},
    }


def serialize_bar(bar: BarRow) -> dict:
    return bar._asdict() | {"ts": to_iso(bar.ts), "volume": int(bar.volume)}


def serialize_revision(revision: RevisionRow) -> dict:
    times = {"ts": to_iso(revision.ts), "replaced_at": to_iso(revision.replaced_at)}
    return revision._asdict() | times | {"volume": int(revision.volume)}


def serialize_candle(candle: Candle) -> dict:
    return candle._asdict() | {
        "ts": to_iso(candle.ts),
        "session_date": candle.session_date.isoformat(),
        "volume": int(candle.volume),
    }


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
