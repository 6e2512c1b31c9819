"""The bars of a run, taken back: which of them, and what they were before. Whatever is removed or changed here leaves
its values in market_bar_revisions, as with any other run.

A bar that names the run is as the run left it. If the run has kept an old value for it, the run had changed it; if not,
the run had inserted it. What a later run wrote over names that run instead, and is left.

Runs under the series' locks, in the transaction that also closes the undo. Set by set, so that a million bars take
seconds; the primary key leads to them, since they lie between the run's first and last minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.backends.utils import CursorWrapper

from ingestion.errors import DatabaseFailure
from ingestion.undo.days import DateRange, Days
from marketdata.models import IngestRun

MAX_NAMED = 5

_PREPARE = """
SET LOCAL jit = off; SET LOCAL work_mem = '64MB';
CREATE TEMPORARY TABLE undo_days (
    kind text NOT NULL,
    symbol varchar(128) COLLATE "C" NOT NULL,
    first timestamptz NOT NULL,
    behind_last timestamptz NOT NULL,
    held_by int8
) ON COMMIT DROP
"""
_ADD_DAYS = """
INSERT INTO undo_days
SELECT %(kind)s, symbol, first::timestamp AT TIME ZONE 'UTC', behind_last::timestamp AT TIME ZONE 'UTC', held_by
FROM unnest(%(symbols)s::varchar[], %(starts)s::date[], %(ends)s::date[], %(held_by)s::int8[])
    AS days (symbol, first, behind_last, held_by)
"""

# Each bar asks for its own revision by key, as LIMIT makes it: right after a load the planner believes that a run has
# changed next to nothing, and would join a million bars with a million revisions one by one.
_FIND_BARS = """
CREATE TEMPORARY TABLE undo_bars ON COMMIT DROP AS
SELECT bars.symbol, bars.ts, before.*
FROM market_bars_ohlcv_1m AS bars
LEFT JOIN LATERAL (
    SELECT old.ingestion_run_id AS run_before, old.open, old.high, old.low, old.close, old.volume
    FROM market_bar_revisions AS old
    WHERE old.symbol = bars.symbol AND old.ts = bars.ts AND old.revised_by_id = %(run_id)s
    LIMIT 1
) AS before ON true
WHERE bars.symbol = ANY (%(symbols)s) AND bars.ts BETWEEN %(min_ts)s AND %(max_ts)s
    AND bars.ingestion_run_id = %(run_id)s
    AND NOT EXISTS (
        SELECT FROM undo_days AS held
        WHERE held.kind = 'held' AND held.symbol = bars.symbol AND bars.ts >= held.first AND bars.ts < held.behind_last
    )
"""
_FIND_RETURNING = """
CREATE TEMPORARY TABLE undo_returning ON COMMIT DROP AS
SELECT old.symbol, old.ts, old.open, old.high, old.low, old.close, old.volume, old.ingestion_run_id
FROM undo_days AS days
JOIN market_bar_revisions AS old
    ON old.symbol = days.symbol AND old.ts >= days.first AND old.ts < days.behind_last
WHERE days.kind = 'returning' AND old.revised_by_id = %(run_id)s AND old.operation = 'delete'
    AND NOT EXISTS (SELECT FROM market_bars_ohlcv_1m AS bars WHERE bars.symbol = old.symbol AND bars.ts = old.ts)
"""
_COUNT = """
SELECT count(*) FILTER (WHERE run_before IS NULL), count(*) FILTER (WHERE run_before IS NOT NULL),
    (SELECT count(*) FROM undo_returning)
FROM undo_bars
"""
# Three kinds: values of the run that a later one replaced, unless an undo of this run did; bars of the run on days that
# are held; and bars that it removed on such days.
_FIND_LEFT = """
CREATE TEMPORARY TABLE undo_left ON COMMIT DROP AS
SELECT latest.symbol, latest.ts, latest.run_id
FROM (
    SELECT DISTINCT ON (old.symbol, old.ts) old.symbol, old.ts, old.revised_by_id AS run_id, later.undoes_id
    FROM market_bar_revisions AS old
    JOIN data_ingest_runs AS later ON later.id = old.revised_by_id
    WHERE old.symbol = ANY (%(symbols)s) AND old.ts BETWEEN %(min_ts)s AND %(max_ts)s
        AND old.ingestion_run_id = %(run_id)s
    ORDER BY old.symbol, old.ts, later.finished_at DESC
) AS latest
WHERE latest.undoes_id IS DISTINCT FROM %(run_id)s
    AND %(run_id)s IS DISTINCT FROM (
        SELECT bars.ingestion_run_id
        FROM market_bars_ohlcv_1m AS bars
        WHERE bars.symbol = latest.symbol AND bars.ts = latest.ts
    )
UNION ALL
SELECT bars.symbol, bars.ts, held.held_by
FROM undo_days AS held
JOIN market_bars_ohlcv_1m AS bars
    ON bars.symbol = held.symbol AND bars.ts >= held.first AND bars.ts < held.behind_last
WHERE held.kind = 'held' AND bars.ingestion_run_id = %(run_id)s
UNION ALL
SELECT old.symbol, old.ts, withheld.held_by
FROM undo_days AS withheld
JOIN market_bar_revisions AS old
    ON old.symbol = withheld.symbol AND old.ts >= withheld.first AND old.ts < withheld.behind_last
WHERE withheld.kind = 'withheld' AND old.revised_by_id = %(run_id)s AND old.operation = 'delete'
"""
_LEFT_BY_RUN = "SELECT run_id, count(*) FROM undo_left GROUP BY run_id ORDER BY run_id"
_FIRST_LEFT = "SELECT symbol, ts, run_id FROM undo_left ORDER BY symbol, ts LIMIT %s"
_RUNS_UNDONE_BEFORE = """
SELECT DISTINCT bars.run_before
FROM undo_bars AS bars
JOIN data_ingest_runs AS undo ON undo.undoes_id = bars.run_before AND undo.status = 'success'
ORDER BY bars.run_before
"""

_KEEP_VALUES = """
INSERT INTO market_bar_revisions
    (symbol, ts, open, high, low, close, volume, created_at, ingestion_run_id, revised_by_id, operation)
SELECT bars.symbol, bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume,
    bars.created_at, bars.ingestion_run_id, %(undo_id)s,
    CASE WHEN own.run_before IS NULL THEN 'delete' ELSE 'update' END
FROM undo_bars AS own
JOIN market_bars_ohlcv_1m AS bars ON bars.symbol = own.symbol AND bars.ts = own.ts
"""
_REMOVE = """
DELETE FROM market_bars_ohlcv_1m AS bars
USING undo_bars AS own
WHERE own.run_before IS NULL AND bars.symbol = own.symbol AND bars.ts = own.ts
"""
_CHANGE_BACK = """
UPDATE market_bars_ohlcv_1m AS bars
SET open = own.open, high = own.high, low = own.low, close = own.close, volume = own.volume,
    ingestion_run_id = own.run_before
FROM undo_bars AS own
WHERE own.run_before IS NOT NULL AND bars.symbol = own.symbol AND bars.ts = own.ts
"""
# A bar that is back was absent meanwhile: it is created when the undo is finished, whichever run its values are of, so
# that all that the undo does is known from one moment on.
_BRING_BACK = """
INSERT INTO market_bars_ohlcv_1m
    (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id, created_at)
SELECT symbol, ts, (extract(epoch FROM ts) * 1000)::int8, open, high, low, close, volume, ingestion_run_id,
    %(finished_at)s
FROM undo_returning
"""


@dataclass(frozen=True)
class UndoCounts:
    """Bars `removed`, since the run had inserted them; `changed` back; and `returned`, since it had removed them."""

    removed: int
    changed: int
    returned: int

    @property
    def total(self) -> int:
        return self.removed + self.changed + self.returned


@dataclass(frozen=True)
class SkippedBar:
    """A bar that is left, and the later run that it is left for."""

    symbol: str
    ts: datetime
    run_id: int


@dataclass(frozen=True)
class SkippedBars:
    """What of the run stays as it is: how many bars for which later run, and the first few of them."""

    by_run: dict[int, int]
    first: list[SkippedBar]

    @property
    def count(self) -> int:
        return sum(self.by_run.values())


def find_bars(cursor: CursorWrapper, undone: IngestRun, days: Days) -> UndoCounts:
    """Put aside which bars are to be taken back, and count them: all that `take_back` will do is decided here."""
    cursor.execute(_PREPARE)
    for kind, date_ranges in (("held", days.held), ("returning", days.returning), ("withheld", days.withheld)):
        cursor.execute(_ADD_DAYS, {"kind": kind} | _as_arrays(date_ranges))
    cursor.execute("ANALYZE undo_days")
    cursor.execute(_FIND_BARS, _parameters(undone))
    cursor.execute(_FIND_RETURNING, _parameters(undone))
    cursor.execute("ANALYZE undo_bars; ANALYZE undo_returning")
    cursor.execute(_COUNT)
    return UndoCounts(*cursor.fetchone())


def find_skipped(cursor: CursorWrapper, undone: IngestRun) -> SkippedBars:
    """What cannot be taken back, since a later run built on it."""
    cursor.execute(_FIND_LEFT, _parameters(undone))
    cursor.execute(_LEFT_BY_RUN)
    by_run = dict(cursor.fetchall())
    cursor.execute(_FIRST_LEFT, [MAX_NAMED])
    return SkippedBars(by_run, [SkippedBar(*row) for row in cursor.fetchall()])


def find_runs_undone_before(cursor: CursorWrapper) -> list[int]:
    """Runs that were undone while this one stood over some of their bars, which now get those runs' values again."""
    cursor.execute(_RUNS_UNDONE_BEFORE)
    return [run_id for (run_id,) in cursor.fetchall()]


def write_undo(cursor: CursorWrapper, counts: UndoCounts, undo_id: int, finished_at: datetime) -> None:
    """Write what the bars that were found were before, under the undo, which will be finished at that time."""
    if counts.removed or counts.changed:
        _execute(cursor, _KEEP_VALUES, {"undo_id": undo_id}, expected=counts.removed + counts.changed)
    if counts.removed:
        _execute(cursor, _REMOVE, None, expected=counts.removed)
    if counts.changed:
        _execute(cursor, _CHANGE_BACK, None, expected=counts.changed)
    if counts.returned:
        _execute(cursor, _BRING_BACK, {"finished_at": finished_at}, expected=counts.returned)


def _execute(cursor: CursorWrapper, sql: str, parameters: dict | None, *, expected: int) -> None:
    cursor.execute(sql, parameters)
    if cursor.rowcount != expected:
        raise DatabaseFailure(
            f"Another program changed the table while it was written ({cursor.rowcount:,} bars where {expected:,} were "
            "counted), so nothing was changed: run the command again."
        )


def _parameters(undone: IngestRun) -> dict:
    return {"run_id": undone.pk, "symbols": undone.symbols, "min_ts": undone.min_ts, "max_ts": undone.max_ts}


def _as_arrays(date_ranges: list[DateRange]) -> dict[str, list]:
    return {
        "symbols": [date_range.symbol for date_range in date_ranges],
        "starts": [date_range.start for date_range in date_ranges],
        "ends": [date_range.end for date_range in date_ranges],
        "held_by": [date_range.held_by for date_range in date_ranges],
    }
