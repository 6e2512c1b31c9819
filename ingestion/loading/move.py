"""Moves bars to another series: a contract gets its own name, and the bars stay what they are.

Bars keep their run and their creation time, and their earlier values move along. So runs can be undone as before, and a
read as of an earlier time gives the same bars. Triggers move the hourly rollup and the counts.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.backends.utils import CursorWrapper
from psycopg2 import sql

_WHICH = sql.SQL("""
    symbol = %(source)s
    AND ts >= coalesce(%(start)s::timestamp AT TIME ZONE 'UTC', '-infinity')
    AND ts < coalesce(%(end)s::timestamp AT TIME ZONE 'UTC', 'infinity')
    AND (%(run_ids)s::bigint[] IS NULL OR ingestion_run_id = ANY (%(run_ids)s))
""")
_FIND_SHARED_MINUTE = sql.SQL("""
SELECT min(ts) FROM market_bars_ohlcv_1m
WHERE symbol = %(target)s AND ts IN (SELECT ts FROM market_bars_ohlcv_1m WHERE {which})
""").format(which=_WHICH)
_FIND_RUNS = sql.SQL("""
SELECT array_agg(DISTINCT ingestion_run_id) FROM (
    SELECT ingestion_run_id FROM market_bars_ohlcv_1m WHERE {which}
    UNION
    SELECT ingestion_run_id FROM market_bar_revisions WHERE {which}
) AS runs
""").format(which=_WHICH)
_COUNT = sql.SQL("SELECT count(*), min(ts), max(ts) FROM market_bars_ohlcv_1m WHERE {which}").format(which=_WHICH)
_MOVE_REVISIONS = sql.SQL("UPDATE market_bar_revisions SET symbol = %(target)s WHERE {which}").format(which=_WHICH)
_MOVE_BARS = sql.SQL("UPDATE market_bars_ohlcv_1m SET symbol = %(target)s WHERE {which}").format(which=_WHICH)


@dataclass(frozen=True)
class Move:
    """Bars of `source` go to `target`: those of the UTC dates from `start` to the day before `end` (None: no limit),
    and of these runs (None: all)."""

    source: str
    target: str
    start: date | None = None
    end: date | None = None
    run_ids: tuple[int, ...] | None = None

    def to_parameters(self) -> dict[str, Any]:
        """The parameters of the statements."""
        return {
            "source": self.source,
            "target": self.target,
            "start": self.start,
            "end": self.end,
            "run_ids": None if self.run_ids is None else list(self.run_ids),
        }


@dataclass(frozen=True)
class MovedBars:
    """How many bars a move concerns, the first and last of them (None without bars), and the runs of their values."""

    count: int
    first: datetime | None
    last: datetime | None
    run_ids: tuple[int, ...]


def find_shared_minute(cursor: CursorWrapper, move: Move) -> datetime | None:
    """The first minute that both series have, so that the move is impossible; None if there is none."""
    cursor.execute(_FIND_SHARED_MINUTE, move.to_parameters())
    shared: datetime | None = cursor.fetchone()[0]
    return shared


def find_moved_bars(cursor: CursorWrapper, move: Move) -> MovedBars:
    """What `move_bars` would move."""
    cursor.execute(_COUNT, move.to_parameters())
    count, first, last = cursor.fetchone()
    cursor.execute(_FIND_RUNS, move.to_parameters())
    run_ids: Collection[int] = cursor.fetchone()[0] or ()
    return MovedBars(count, first, last, tuple(sorted(run_ids)))


def move_bars(cursor: CursorWrapper, move: Move) -> int:
    """Move the bars and their earlier values, and return the number of bars. Needs the locks of both series."""
    cursor.execute("SET LOCAL jit = off")
    cursor.execute(_MOVE_REVISIONS, move.to_parameters())
    cursor.execute(_MOVE_BARS, move.to_parameters())
    moved: int = cursor.rowcount
    return moved
