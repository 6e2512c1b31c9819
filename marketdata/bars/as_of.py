"""The bars of a series as they were at an earlier moment.

A minute has states: each of its revisions ends when the run that replaced it finished, and the current bar has no end.
The state at a moment is the one with the earliest end after it, if that state had begun: the run that wrote it had
finished, and the bar had been created.

A bar that an undo restored has its old run and values, but is younger than the end of that run. It counts from when the
undo finished: at a moment while an undo was running, younger bars than the undo before it are not there yet.

A run's changes count from when the run finished, all at once, as they were committed. `revised_at` and `created_at`
alone would be too early: they are times before the end of a transaction, which reads, waits and writes for long.

A read waits for commits in progress that may have finished by its moment: so the same read gives the same answer again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import connection
from psycopg2 import sql

from marketdata.bars import blocks
from marketdata.bars.blocks import Bounds, iterate_blocks, iterate_statement
from marketdata.bars.export import prepare_reader
from marketdata.bars.prefetch import Submit, iterate_prefetched
from marketdata.bars.query import BarRow
from marketdata.bars.regular_hours import list_regular_edges
from marketdata.calendars.hours import Hours
from marketdata.models import Series
from marketdata.runs.commits import wait_for_commits
from marketdata.sources.rows import ARCHIVED_BARS, iterate_windows
from marketdata.sources.split import Piece, Sources, read_settled

if TYPE_CHECKING:
    import pyarrow

_MINUTE = timedelta(minutes=1)
_LAST = datetime.max.replace(tzinfo=UTC) - _MINUTE

# The time ranges that had bars at the moment. Bars stored since outside these ranges, or in a hole of a week or more
# between them, need not be read; nor do the bars of a run that had been completely undone by then.
_RANGES = """
SELECT GREATEST(lower(ts_range), %(start)s), LEAST(upper(ts_range) - interval '7 days' + interval '1 minute', %(end)s)
FROM unnest((
    SELECT range_agg(tstzrange(min_ts, max_ts + interval '7 days'))
    FROM data_ingest_runs AS run
    WHERE run.status = 'success' AND run.undoes_id IS NULL AND run.finished_at <= %(as_of)s
        AND run.symbols @> ARRAY[%(symbol)s]::varchar[]
        AND NOT EXISTS (
            SELECT 1 FROM data_ingest_runs AS undo
            WHERE undo.undoes_id = run.id AND undo.status = 'success' AND undo.left_count = 0
                AND undo.finished_at <= %(as_of)s
        )
)) AS ts_range
ORDER BY lower(ts_range)
"""

# A page costs what its rows cost. `present` reads minutes that have a bar now, in the order of the primary key.
# `removed` reads minutes that have none now by the index of deletions, only as far as the page reaches. Revisions are
# read by their key.
_STATES = sql.SQL("""
WITH {archived}present AS (
    SELECT minute.ts, state.*
    FROM {bars} AS minute
    CROSS JOIN LATERAL (
        SELECT earlier.* FROM ({revisions}) AS earlier WHERE earlier.until > %(as_of)s
        UNION ALL
        SELECT minute.open, minute.high, minute.low, minute.close, minute.volume,
            minute.created_at, minute.ingestion_run_id, 'infinity'
        ORDER BY until
        LIMIT 1
    ) AS state
    JOIN data_ingest_runs AS writer ON writer.id = state.run_id
    WHERE minute.symbol = %(symbol)s AND minute.ts >= %(start)s AND minute.ts < %(end)s{of_minutes}
        AND {had_begun}
    ORDER BY minute.ts {direction}
    LIMIT %(limit)s
),
removed AS (
    SELECT minute.ts, state.*
    FROM (
        SELECT DISTINCT ON (deletion.ts) deletion.symbol, deletion.ts
        FROM market_bar_revisions AS deletion
        JOIN data_ingest_runs AS later ON later.id = deletion.revised_by_id
        WHERE deletion.operation = 'delete' AND GREATEST(deletion.revised_at, later.finished_at) > %(as_of)s
            AND deletion.symbol = %(symbol)s AND deletion.ts >= %(start)s AND deletion.ts < %(end)s
            AND {within_page}{of_deletions}
            AND NOT EXISTS (
                SELECT 1 FROM {bars} AS bars WHERE bars.symbol = deletion.symbol AND bars.ts = deletion.ts
            )
        ORDER BY deletion.ts {direction}
    ) AS minute
    CROSS JOIN LATERAL (
        SELECT earlier.* FROM ({revisions}) AS earlier WHERE earlier.until > %(as_of)s ORDER BY until LIMIT 1
    ) AS state
    JOIN data_ingest_runs AS writer ON writer.id = state.run_id
    WHERE {had_begun}
    ORDER BY minute.ts {direction}
    LIMIT %(limit)s
),
states AS (SELECT * FROM present UNION ALL SELECT * FROM removed)
""")
# Bars that are not younger than this time were restored by undos that had finished. PostgreSQL computes it once, in the
# snapshot of the page.
_RESTORED_UNTIL = sql.SQL("""
SELECT CASE
    WHEN bool_or(finished_at > %(as_of)s) THEN GREATEST(
        max(finished_at) FILTER (WHERE finished_at <= %(as_of)s),
        min(started_at) FILTER (WHERE finished_at > %(as_of)s)
    )
    ELSE 'infinity'
END
FROM data_ingest_runs
WHERE status = 'success' AND undoes_id IS NOT NULL AND symbols @> ARRAY[%(symbol)s]::varchar[]
    AND started_at <= %(as_of)s
""")
_HAD_BEGUN = sql.SQL("""
state.created_at <= %(as_of)s AND writer.finished_at <= %(as_of)s
AND (state.created_at <= writer.finished_at OR state.created_at <= ({restored_until}))
""").format(restored_until=_RESTORED_UNTIL)
_WITHIN_PAGE = sql.SQL("""
deletion.ts < COALESCE((SELECT max(ts) FROM present HAVING count(*) = %(limit)s), 'infinity')
""")
_WITHIN_PAGE_BACKWARD = sql.SQL("""
deletion.ts > COALESCE((SELECT min(ts) FROM present HAVING count(*) = %(limit)s), '-infinity')
""")
_REVISIONS = sql.SQL("""
SELECT old.open, old.high, old.low, old.close, old.volume, old.created_at, old.ingestion_run_id AS run_id,
    GREATEST(old.revised_at, later.finished_at) AS until
FROM market_bar_revisions AS old
JOIN data_ingest_runs AS later ON later.id = old.revised_by_id
WHERE old.symbol = minute.symbol AND old.ts = minute.ts
""")
_IS_REGULAR = sql.SQL("""
AND (width_bucket(date_part('epoch', {ts})::bigint, %(edges)s::bigint[]) %% 2)::boolean
""")
_PAGE = sql.SQL("""
SELECT ts, trim_scale(open)::text, trim_scale(high)::text, trim_scale(low)::text, trim_scale(close)::text,
    volume, run_id
FROM states
ORDER BY ts {direction}
LIMIT %(limit)s
""")
_STORED = sql.SQL("""
SELECT (extract(epoch FROM ts) * 1000)::bigint,
    trim_scale(open), trim_scale(high), trim_scale(low), trim_scale(close), volume, run_id
FROM states
ORDER BY ts
LIMIT %(limit)s
""")


# The bars of an archived year are rows of a parameter. Their revisions are in the database.
_ARCHIVED = sql.SQL("archived_bars AS MATERIALIZED ({bars}),\n").format(bars=ARCHIVED_BARS)


def _select_from_states(
    select: sql.SQL, *, hours: Hours, descending: bool = False, is_archived: bool = False
) -> sql.Composed:
    condition = _IS_REGULAR if hours is Hours.REGULAR else sql.SQL("")
    parts: dict[str, sql.Composable] = {
        "archived": _ARCHIVED if is_archived else sql.SQL(""),
        "bars": sql.Identifier("archived_bars" if is_archived else "market_bars_ohlcv_1m"),
        "of_minutes": condition.format(ts=sql.Identifier("minute", "ts")),
        "of_deletions": condition.format(ts=sql.Identifier("deletion", "ts")),
        "revisions": _REVISIONS,
        "had_begun": _HAD_BEGUN,
        "direction": sql.SQL("DESC" if descending else "ASC"),
        "within_page": _WITHIN_PAGE_BACKWARD if descending else _WITHIN_PAGE,
    }
    return _STATES.format(**parts) + select.format(**parts)


def read_bar_page_as_of(
    series: Series,
    *,
    as_of: datetime,
    start: datetime | None,
    end: datetime | None,
    after: datetime | None,
    descending: bool,
    limit: int,
    hours: Hours = Hours.ALL,
) -> tuple[list[BarRow], datetime | None]:
    """What `read_bar_page` would have returned at `as_of`, a UTC time that is not in the future.

    Raises `CommitInProgress` if a commit that could change the answer does not end in time, and
    `ArchivedBarsUnreadable`.
    """
    wait_for_commits(as_of)
    if after is not None:
        start, end = (start, min(end or after, after)) if descending else (max(start or after, _add_minute(after)), end)
    ranges = _find_ranges(series, as_of, start, end, hours)
    read = partial(_read_states, series.symbol, as_of, ranges, hours=hours, descending=descending, limit=limit + 1)
    found = read_settled(read)
    return found[:limit], found[limit - 1].ts if len(found) > limit else None


def _read_states(
    symbol: str,
    as_of: datetime,
    ranges: Sequence[Bounds],
    sources: Sources,
    *,
    hours: Hours,
    descending: bool,
    limit: int,
) -> list[BarRow]:
    found: list[BarRow] = []
    for is_archived, bounds in _iterate_parts(symbol, ranges, sources, descending=descending, rows=max(limit, 1_000)):
        statement = _select_from_states(_PAGE, hours=hours, descending=descending, is_archived=is_archived)
        parameters: dict[str, Any] = {"symbol": symbol, "as_of": as_of, "limit": limit - len(found)} | bounds
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            found += map(BarRow._make, cursor.fetchall())
        if len(found) >= limit:
            break
    return found


def _iterate_parts(
    symbol: str, ranges: Sequence[Bounds], sources: Sources, *, descending: bool, rows: int
) -> Iterator[tuple[bool, Bounds]]:
    """The parts of ranges of which each is read by one statement, and whether the bars of a part are archived."""
    for bounds in reversed(ranges) if descending else ranges:
        for piece in sources.split(bounds["start"], bounds["end"], descending=descending):
            if piece.archived:
                for window in iterate_windows(piece, symbol, rows=rows, descending=descending):
                    yield True, bounds | window.parameters
            else:
                yield False, bounds | {"start": piece.start, "end": piece.end}


def export_blocks_as_of(
    series: Series,
    *,
    as_of: datetime,
    start: datetime | None,
    end: datetime | None,
    hours: Hours = Hours.ALL,
    prices_as_text: bool = False,
) -> Iterator[pyarrow.Table]:
    """What `export_blocks` would have returned at `as_of`, a UTC time that is not in the future.

    Raises `CommitInProgress`, as `read_bar_page_as_of` does, and `ArchivedBarsUnreadable`, as `export_blocks` does.
    """
    wait_for_commits(as_of)
    sources = Sources()
    sources.require(start, end)
    return _iterate(series, as_of, start, end, sources, hours=hours, prices_as_text=prices_as_text)


def _iterate(
    series: Series,
    as_of: datetime,
    start: datetime | None,
    end: datetime | None,
    sources: Sources,
    *,
    hours: Hours,
    prices_as_text: bool,
) -> Iterator[pyarrow.Table]:
    read, read_window = (
        prepare_reader(
            _select_from_states(_STORED, hours=hours, is_archived=is_archived),
            series,
            prices_as_text=prices_as_text,
            as_of=as_of,
        )
        for is_archived in (False, True)
    )

    def read_archived(piece: Piece, bounds: Bounds, submit: Submit) -> Iterator[pyarrow.Table]:
        for window in iterate_prefetched(iterate_windows(piece, series.symbol, rows=blocks.EXPORT_ROWS), submit):
            yield from iterate_statement(read_window, bounds | window.parameters, submit)

    ranges = _find_ranges(series, as_of, start, end, hours)
    yield from iterate_blocks(read, read_archived, ranges, sources)


def _find_ranges(
    series: Series, as_of: datetime, start: datetime | None, end: datetime | None, hours: Hours
) -> list[dict[str, Any]]:
    """`start`, `end` and, for regular hours, `edges` of each range that had bars."""
    parameters: dict[str, Any] = {"symbol": series.symbol, "as_of": as_of, "start": start, "end": end}
    with connection.cursor() as cursor:
        cursor.execute(_RANGES, parameters)
        ranges = [{"start": first, "end": last} for first, last in cursor.fetchall() if first < last]
    if hours is Hours.REGULAR:
        for one in ranges:
            one["edges"] = list_regular_edges(series.calendar, one["start"], one["end"])
    return ranges


def _add_minute(minute: datetime) -> datetime:
    return minute + _MINUTE if minute < _LAST else minute
