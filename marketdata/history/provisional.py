"""Which bars are provisional: the live feed brought them, and history does not cover their minute yet.

No column states it: a run of history that finds the same values writes nothing, and only extends what is covered.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, NamedTuple, Protocol

from django.db import connection

from marketdata.models import IngestRun, Series, SeriesDay
from marketdata.sources.split import Piece, Sources, read_settled
from marketdata.timestamps import from_seconds

# From this minute on the dataset has had live sessions.
_FIRST_LIVE = """
SELECT date_trunc('minute', min(coalesce(series.start, session.started_at)))
FROM market_feed_sessions AS session
JOIN market_feed_session_series AS series ON series.session_id = session.id
WHERE session.dataset = %(dataset)s
"""
_WITH_PROVISIONAL = """
SELECT number - 1 FROM unnest(%(starts)s::bigint[], %(ends)s::bigint[]) WITH ORDINALITY AS ranges (first, stop, number)
WHERE to_timestamp(stop) > %(first_live)s AND EXISTS (
    SELECT 1 FROM market_bars_ohlcv_1m AS bars
    JOIN data_ingest_runs AS runs ON runs.id = bars.ingestion_run_id
    LEFT JOIN market_series_days AS days
        ON days.series_id = %(series)s AND days.day = (bars.ts AT TIME ZONE 'UTC')::date
        AND bars.ts < days.covered_until AND bars.ts >= coalesce(days.covered_from, '-infinity')
    WHERE bars.symbol = %(symbol)s
        AND bars.ts >= greatest(to_timestamp(first), %(first_live)s) AND bars.ts < to_timestamp(stop)
        AND runs.kind = 'live' AND days.day IS NULL
)
"""


class StoredBar(Protocol):
    """A bar with its minute, UTC, and the run that stored its values."""

    @property
    def ts(self) -> datetime: ...

    @property
    def run_id(self) -> int: ...


def find_provisional(series: Series, bars: Sequence[StoredBar]) -> list[bool]:
    """Whether each bar of the series is provisional. Without bars of the live feed this costs one query by key."""
    live = _select_live(bar.run_id for bar in bars)
    minutes = [bar.ts for bar in bars if bar.run_id in live]
    if not minutes:
        return [False] * len(bars)
    days = SeriesDay.objects.filter(series=series, day__gte=_to_day(min(minutes)), day__lte=_to_day(max(minutes)))
    covered = {day: (start, end) for day, start, end in days.values_list("day", "covered_from", "covered_until")}
    return [bar.run_id in live and not _is_covered(bar.ts, covered.get(_to_day(bar.ts))) for bar in bars]


def read_first_live(dataset: str) -> datetime | None:
    """The first minute of the dataset that a live session can have brought, UTC; None if there was no session."""
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_LIVE, {"dataset": dataset})
        first: datetime | None = cursor.fetchone()[0]
        return first


def find_with_provisional(
    series: Series, starts: Sequence[int], ends: Sequence[int], *, first_live: datetime
) -> list[bool]:
    """Whether each range of time, in seconds since 1970, has a provisional bar. `first_live` is `read_first_live`.

    The ranges are disjoint. Raises `ArchivedBarsUnreadable`.
    """
    if not starts:
        return []
    return read_settled(partial(_find_with_provisional, series, starts, ends, first_live))


def _find_with_provisional(
    series: Series, starts: Sequence[int], ends: Sequence[int], first_live: datetime, sources: Sources
) -> list[bool]:
    flags = [False] * len(starts)
    with connection.cursor() as cursor:
        parameters: dict[str, Any] = {"series": series.pk, "symbol": series.symbol, "first_live": first_live}
        cursor.execute(_WITH_PROVISIONAL, parameters | {"starts": list(starts), "ends": list(ends)})
        for (index,) in cursor.fetchall():
            flags[index] = True
    first = max(first_live, from_seconds(min(starts)))
    for piece in sources.find_archived(first, from_seconds(max(ends))):
        _mark_archived(series, piece, starts, ends, flags)
    return flags


class _ArchivedBar(NamedTuple):
    ts: datetime
    run_id: int


def _mark_archived(series: Series, piece: Piece, starts: Sequence[int], ends: Sequence[int], flags: list[bool]) -> None:
    order = sorted(range(len(starts)), key=starts.__getitem__)
    ordered = [starts[index] for index in order]
    for table in piece.iterate_tables(series.symbol, ("ts_ms", "ingestion_run_id")):
        live = _select_live(table["ingestion_run_id"].unique().to_pylist())
        if not live:
            continue
        columns = (table[name].to_pylist() for name in ("ts_ms", "ingestion_run_id"))
        bars = [_ArchivedBar(from_seconds(ts // 1000), run) for ts, run in zip(*columns, strict=True) if run in live]
        for bar, is_provisional in zip(bars, find_provisional(series, bars), strict=True):
            position = bisect_right(ordered, bar.ts.timestamp()) - 1
            if is_provisional and position >= 0 and bar.ts.timestamp() < ends[order[position]]:
                flags[order[position]] = True


def _select_live(ids: Iterable[int]) -> set[int]:
    runs = IngestRun.objects.filter(pk__in=set(ids), kind=IngestRun.Kind.LIVE)
    return set(runs.values_list("pk", flat=True))


def _to_day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _is_covered(ts: datetime, covered: tuple[datetime | None, datetime | None] | None) -> bool:
    start, end = covered or (None, None)
    return end is not None and ts < end and (start is None or ts >= start)
