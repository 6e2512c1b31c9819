"""What the bars were before: each bar's earlier values, and a series as it was known at a moment.

A minute goes through states: each of its revisions held until the run that replaced it was closed, and the bar itself
holds until further notice. What was known at a moment is the state that ended first after it, if it had begun by then:
if the run that brought it was closed, and the bar was there. (One that came back was created when it came back.)

A run's changes count from the moment the run was closed, all at once, as they were committed. `revised_at` and
`created_at` alone would not do: they are the starts of transactions, which read and wait before they write.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.db import connection
from psycopg2 import sql

from marketdata.bars.export import EXPORT_ROWS
from marketdata.bars.query import BarRow
from marketdata.models import Series

_MINUTE = timedelta(minutes=1)
_LAST = datetime.max.replace(tzinfo=UTC) - _MINUTE

# Where a moment knew bars at all: what was stored since beyond these stretches, or in a hole of a week and more between
# them, need not be looked at; nor what only a run brought that was wholly undone by then.
_STRETCHES = """
SELECT GREATEST(lower(stretch), %(start)s), LEAST(upper(stretch) - interval '7 days' + interval '1 minute', %(end)s)
FROM unnest((
    SELECT range_agg(tstzrange(min_ts, max_ts + interval '7 days'))
    FROM data_ingest_runs AS run
    WHERE run.status = 'success' AND run.undoes_id IS NULL AND run.finished_at <= %(as_of)s
        AND run.symbols @> ARRAY[%(symbol)s]::varchar[]
        AND NOT EXISTS (
            SELECT FROM data_ingest_runs AS undo
            WHERE undo.undoes_id = run.id AND undo.status = 'success' AND undo.left_count = 0
                AND undo.finished_at <= %(as_of)s
        )
)) AS stretch
ORDER BY 1
"""

# Minutes that have a bar come in the order of the primary key; those that have none now, by an index of their own, as
# far as the former fill the page; a minute's revisions, by their key. So a page costs what its rows cost.
_KNOWN = sql.SQL("""
WITH standing AS (
    SELECT minute.ts, state.*
    FROM market_bars_ohlcv_1m AS minute
    CROSS JOIN LATERAL (
        SELECT earlier.* FROM ({revisions}) AS earlier WHERE earlier.until > %(as_of)s
        UNION ALL
        SELECT minute.open, minute.high, minute.low, minute.close, minute.volume,
            minute.created_at, minute.ingestion_run_id, 'infinity'
        ORDER BY until
        LIMIT 1
    ) AS state
    JOIN data_ingest_runs AS brought ON brought.id = state.run_id
    WHERE minute.symbol = %(symbol)s AND minute.ts >= %(start)s AND minute.ts < %(end)s
        AND state.created_at <= %(as_of)s AND brought.finished_at <= %(as_of)s
    ORDER BY minute.ts {direction}
    LIMIT %(limit)s
),
gone AS (
    SELECT minute.ts, state.*
    FROM (
        SELECT DISTINCT ON (removed.ts) removed.symbol, removed.ts
        FROM market_bar_revisions AS removed
        JOIN data_ingest_runs AS later ON later.id = removed.revised_by_id
        WHERE removed.operation = 'delete' AND GREATEST(removed.revised_at, later.finished_at) > %(as_of)s
            AND removed.symbol = %(symbol)s AND removed.ts >= %(start)s AND removed.ts < %(end)s
            AND {within_page}
            AND NOT EXISTS (
                SELECT FROM market_bars_ohlcv_1m AS bars WHERE bars.symbol = removed.symbol AND bars.ts = removed.ts
            )
        ORDER BY removed.ts {direction}
    ) AS minute
    CROSS JOIN LATERAL (
        SELECT earlier.* FROM ({revisions}) AS earlier WHERE earlier.until > %(as_of)s ORDER BY until LIMIT 1
    ) AS state
    JOIN data_ingest_runs AS brought ON brought.id = state.run_id
    WHERE state.created_at <= %(as_of)s AND brought.finished_at <= %(as_of)s
    ORDER BY minute.ts {direction}
    LIMIT %(limit)s
),
known AS (SELECT * FROM standing UNION ALL SELECT * FROM gone)
""")
_WITHIN_PAGE = sql.SQL("""
removed.ts < COALESCE((SELECT max(ts) FROM standing HAVING count(*) = %(limit)s), 'infinity')
""")
_WITHIN_PAGE_BACKWARD = sql.SQL("""
removed.ts > COALESCE((SELECT min(ts) FROM standing HAVING count(*) = %(limit)s), '-infinity')
""")
_REVISIONS_OF_MINUTE = sql.SQL("""
SELECT old.open, old.high, old.low, old.close, old.volume, old.created_at, old.ingestion_run_id AS run_id,
    GREATEST(old.revised_at, later.finished_at) AS until
FROM market_bar_revisions AS old
JOIN data_ingest_runs AS later ON later.id = old.revised_by_id
WHERE old.symbol = minute.symbol AND old.ts = minute.ts
""")
_PAGE = sql.SQL("""
SELECT ts, trim_scale(open)::text, trim_scale(high)::text, trim_scale(low)::text, trim_scale(close)::text,
    volume, run_id
FROM known
ORDER BY ts {direction}
LIMIT %(limit)s
""")
_CSV = sql.SQL("""
SELECT %(symbol)s AS symbol, to_char(ts AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"') AS minute,
    trim_scale(open), trim_scale(high), trim_scale(low), trim_scale(close), volume, run_id
FROM known
ORDER BY ts
LIMIT %(limit)s
""")


def _with_known(select: sql.SQL, *, descending: bool = False) -> sql.Composed:
    parts = {
        "revisions": _REVISIONS_OF_MINUTE,
        "direction": sql.SQL("DESC" if descending else "ASC"),
        "within_page": _WITHIN_PAGE_BACKWARD if descending else _WITHIN_PAGE,
    }
    return _KNOWN.format(**parts) + select.format(**parts)


_FORWARD, _BACKWARD = _with_known(_PAGE), _with_known(_PAGE, descending=True)
_COPY_CSV = sql.SQL("COPY ({}) TO STDOUT (FORMAT CSV)").format(_with_known(_CSV))


def read_bar_page_as_of(
    series: Series,
    *,
    as_of: datetime,
    start: datetime | None,
    end: datetime | None,
    after: datetime | None,
    descending: bool,
    limit: int,
) -> tuple[list[BarRow], datetime | None]:
    """`page_of_bars`, as it would have been at `as_of`."""
    if after is not None:
        start, end = (start, min(end or after, after)) if descending else (max(start or after, _next(after)), end)
    stretches = _stretches(series, as_of, start, end)
    found: list[BarRow] = []
    for stretch in reversed(stretches) if descending else stretches:
        parameters = {"symbol": series.symbol, "as_of": as_of, "limit": limit + 1 - len(found)} | stretch
        with connection.cursor() as cursor:
            cursor.execute(_BACKWARD if descending else _FORWARD, parameters)
            found += [BarRow(*row) for row in cursor.fetchall()]
        if len(found) > limit:
            break
    return found[:limit], found[limit - 1].ts if len(found) > limit else None


def export_csv_blocks_as_of(
    series: Series, *, as_of: datetime, start: datetime | None, end: datetime | None
) -> Iterator[bytes]:
    """`export_csv_blocks`, as it would have been at `as_of`."""
    for stretch in _stretches(series, as_of, start, end):
        while block := _copy_out({"symbol": series.symbol, "as_of": as_of, "limit": EXPORT_ROWS} | stretch):
            yield block
            stretch["start"] = _next(_last_minute(block))


def _stretches(series: Series, as_of: datetime, start: datetime | None, end: datetime | None) -> list[dict]:
    parameters = {"symbol": series.symbol, "as_of": as_of, "start": start, "end": end}
    with connection.cursor() as cursor:
        cursor.execute(_STRETCHES, parameters)
        return [{"start": first, "end": last} for first, last in cursor.fetchall() if first < last]


def _next(minute: datetime) -> datetime:
    return minute + _MINUTE if minute < _LAST else minute


def _copy_out(parameters: dict) -> bytes:
    out = io.BytesIO()
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.copy_expert(cursor.mogrify(_COPY_CSV, parameters).decode(), out)
    return out.getvalue()


def _last_minute(block: bytes) -> datetime:
    # From the right: only the symbol, on the left, may hold a comma.
    return datetime.fromisoformat(block[block.rstrip().rfind(b"\n") + 1 :].rsplit(b",", 7)[1].decode())


# --- Revisions -------------------------------------------------------------------------------------------------------
