"""Withdrawn bars: bars of the table in the ranges that a file covers which the file does not have.

A vendor restates a range by delivering it again. A bar that the new file lacks would stay in the table for ever, since
a load only inserts and updates. It is counted and named, and removed if that is requested.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db.backends.utils import CursorWrapper
from psycopg2.sql import Identifier

from ingestion.dbn.beside.conditions import PENDING, read_conditions
from ingestion.errors import UnreadableFile
from ingestion.loading.revisions import keep_values
from ingestion.loading.statements import execute_counted
from ingestion.symbology.covered import CoveredRange
from ingestion.symbology.intervals import ONE_DAY

MAX_BARS_NAMED = 5

_COUNT_BARS = """
SELECT count(*) FROM market_bars_ohlcv_1m
WHERE symbol = ANY (%(symbols)s) AND ts BETWEEN %(first)s AND %(last)s
"""
# The file's rows are staged, or have been inserted without staging: then they have the run's id.
_FIND_WITHDRAWN = """
CREATE TEMPORARY TABLE withdrawn_bars ON COMMIT DROP AS
SELECT bars.symbol, bars.ts
FROM unnest(%(symbols)s::varchar[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
    AS covered (symbol, start_ts, end_ts)
JOIN market_bars_ohlcv_1m AS bars
    ON bars.symbol = covered.symbol COLLATE "C" AND bars.ts >= covered.start_ts AND bars.ts < covered.end_ts
WHERE bars.ingestion_run_id IS DISTINCT FROM %(run_id)s
    AND NOT EXISTS (
        SELECT 1 FROM staged_bars AS staged
        JOIN staged_series AS series ON series.series = staged.series
        WHERE series.symbol = bars.symbol AND staged.ts = bars.ts
    )
"""
_SELECT_DAYS = "SELECT DISTINCT (ts AT TIME ZONE 'UTC')::date FROM withdrawn_bars"
_DROP_DAYS = "DELETE FROM withdrawn_bars WHERE (ts AT TIME ZONE 'UTC')::date = ANY (%s)"
_SUMMARIZE = "SELECT count(*), min(ts), max(ts), coalesce(array_agg(DISTINCT symbol), '{}') FROM withdrawn_bars"
_SELECT_FIRST = "SELECT symbol, ts FROM withdrawn_bars ORDER BY symbol, ts LIMIT %s"
_KEEP_WITHDRAWN = keep_values(affected=Identifier("withdrawn_bars"), operation="'delete'")
_REMOVE = """
DELETE FROM market_bars_ohlcv_1m AS bars
USING withdrawn_bars AS withdrawn
WHERE bars.symbol = withdrawn.symbol AND bars.ts = withdrawn.ts
"""


@dataclass(frozen=True)
class FileBars:
    """The bars of the table that a file has: how many they are, and of which series.

    `start` and `end` are the file's own range, UTC. `run_id` is that of the load, None for a preview, which stores no
    row.
    """

    path: Path
    count: int
    symbols: Sequence[str]
    start: datetime
    end: datetime
    run_id: int | None = None


@dataclass(frozen=True)
class WithdrawnBars:
    """How many bars the file withdraws, of which series, and the first of them by series and time.

    `remove`: whether they are to be removed. `doubt`: why they must stay, empty if there is no reason.
    `unfinished_count` bars more are not in the file, but its data of their days are not final, for `unfinished_reason`:
    they do not count as withdrawn.
    """

    count: int = 0
    symbols: tuple[str, ...] = ()
    time_range: tuple[datetime, ...] = ()
    first: tuple[tuple[str, datetime], ...] = ()
    remove: bool = False
    doubt: str = ""
    unfinished_count: int = 0
    unfinished_reason: str = ""

    @property
    def removed_count(self) -> int:
        """How many of them a load removes."""
        return self.count if self.remove and not self.doubt else 0

    @property
    def removed_symbols(self) -> tuple[str, ...]:
        """The series from which a load removes bars."""
        return self.symbols if self.removed_count else ()

    @property
    def removed_range(self) -> tuple[datetime, ...]:
        """The first and last time of the bars that a load removes; empty for none."""
        return self.time_range if self.removed_count else ()


def find_withdrawn_bars(
    cursor: CursorWrapper, covered: Sequence[CoveredRange], file: FileBars, *, remove: bool
) -> WithdrawnBars:
    """Collect the bars of the covered ranges that the file does not have.

    Must be called after the file's rows were stored, or after a preview has compared them; needs the staged rows.
    """
    if not covered or not _has_other_bars(cursor, covered, file):
        return WithdrawnBars()
    cursor.execute(
        _FIND_WITHDRAWN,
        {
            "symbols": [one.symbol for one in covered],
            "starts": [one.start for one in covered],
            "ends": [one.end for one in covered],
            "run_id": file.run_id,
        },
    )
    if not cursor.rowcount:
        return WithdrawnBars()
    unfinished_count, reason, doubt = 0, "", ""
    try:
        unfinished_count, reason = _drop_unfinished(cursor, file)
    except UnreadableFile as error:
        doubt = str(error)
    count, first, last, symbols = _fetch_one(cursor, _SUMMARIZE)
    cursor.execute(_SELECT_FIRST, [MAX_BARS_NAMED])
    return WithdrawnBars(
        count=count,
        symbols=tuple(symbols),
        time_range=(first, last) if count else (),
        first=tuple(cursor.fetchall()),
        remove=remove,
        doubt=doubt,
        unfinished_count=unfinished_count,
        unfinished_reason=reason,
    )


def remove_withdrawn_bars(cursor: CursorWrapper, withdrawn: WithdrawnBars, run_id: int) -> None:
    """Remove the bars that `find_withdrawn_bars` collected, if that is requested and there is no doubt.

    Their values stay in market_bar_revisions. The intervals stay too, since the file maps the same instrument.
    """
    if not withdrawn.removed_count:
        return
    execute_counted(cursor, _KEEP_WITHDRAWN, {"run_id": run_id}, expected=withdrawn.count)
    execute_counted(cursor, _REMOVE, None, expected=withdrawn.count)


def _has_other_bars(cursor: CursorWrapper, covered: Sequence[CoveredRange], file: FileBars) -> bool:
    """Whether the table has more bars in the file's range than the file. Counting is much faster than comparing."""
    symbols = sorted({*file.symbols, *(one.symbol for one in covered)})
    (count,) = _fetch_one(cursor, _COUNT_BARS, {"symbols": symbols, "first": file.start, "last": file.end})
    return bool(count > file.count)


def _drop_unfinished(cursor: CursorWrapper, file: FileBars) -> tuple[int, str]:
    """Leave out the bars of days whose data are not final by the condition.json beside the file, all if a day of the
    file is pending. Returns their number and the reason."""
    conditions = read_conditions(file.path)
    if conditions is None:
        return 0, ""
    dates = file.start.date(), (file.end - timedelta(microseconds=1)).date() + ONE_DAY
    unfinished = conditions.find_unfinished(*dates)
    cursor.execute(_SELECT_DAYS)
    days = {day for (day,) in cursor.fetchall()}
    pending = min((day for day, condition in unfinished.items() if condition == PENDING), default=None)
    dropped: set[date] = days if pending else days & unfinished.keys()
    if not dropped:
        return 0, ""
    named = pending or min(dropped)
    cursor.execute(_DROP_DAYS, [list(dropped)])
    return cursor.rowcount, f"{conditions.path} lists {named} as {unfinished[named]}"


def _fetch_one(cursor: CursorWrapper, sql: str, parameters: dict[str, Any] | None = None) -> tuple:
    cursor.execute(sql, parameters)
    row: tuple = cursor.fetchone()
    return row
