"""What an undo changes: the bars, found before the first one is written and kept in temporary tables."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.backends.utils import CursorWrapper
from psycopg2 import sql
from psycopg2.extensions import TRANSACTION_STATUS_INTRANS

from ingestion.loading.revisions import keep_values
from ingestion.loading.statements import execute_counted
from ingestion.undo import bars
from ingestion.undo.days import UndoDays, convert_to_arrays, find_whole_days
from marketdata.models import IngestRun

MAX_BARS_NAMED = 5

_TABLES = ("days", "bars", "restored", "skipped")
_plan_numbers = itertools.count(1)


@dataclass(frozen=True)
class UndoCounts:
    """Bars `removed` that the run had inserted, `changed_back` to their old values, `restored` that it had removed."""

    removed: int
    changed_back: int
    restored: int

    @property
    def total(self) -> int:
        return self.removed + self.changed_back + self.restored


@dataclass(frozen=True)
class SkippedBar:
    """A bar that the undo does not change, and the later run that is the reason."""

    symbol: str
    ts: datetime
    run_id: int


@dataclass(frozen=True)
class SkippedBars:
    """How many bars the undo skips for which later run, and the first `MAX_BARS_NAMED` of them by symbol and time."""

    by_run: Mapping[int, int]
    first: tuple[SkippedBar, ...]

    @property
    def count(self) -> int:
        return sum(self.by_run.values())


class UndoPlan:
    """The bars that an undo removes, changes back, restores and skips.

    Creating a plan finds all of them and writes no bar. The caller has the locks of the run's series, and a
    transaction that also closes the undo. Leaving the plan drops its temporary tables, and so does the end of the
    transaction. No two plans share a table's name, so one transaction can have several.
    """

    def __init__(self, cursor: CursorWrapper, undone: IngestRun, days: UndoDays) -> None:
        self._cursor = cursor
        self._undone = undone
        number = next(_plan_numbers)
        self._tables = {table: sql.Identifier(f"undo_{table}_{number}") for table in _TABLES}
        self._run(bars.SETTINGS)
        self._insert_days(days)
        self.counts = self._find_bars()
        self.skipped = self._find_skipped()
        self.runs_undone_before = self._find_runs_undone_before()

    def __enter__(self) -> UndoPlan:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._can_execute():
            self._run(bars.DROP_TABLES)

    def write(self, *, undo_id: int) -> None:
        """Change the bars, and keep their previous values in market_bar_revisions under the undo's run.

        Raises `DatabaseFailure` if another program has changed the bars since they were counted.
        """
        counts = self.counts
        if counts.removed or counts.changed_back:
            keep = keep_values(affected=self._tables["bars"], operation=bars.OPERATION)
            self._write(keep, counts.removed + counts.changed_back, run_id=undo_id)
        if counts.removed:
            self._write(self._fill(bars.REMOVE_BARS), counts.removed)
        if counts.changed_back:
            self._write(self._fill(bars.CHANGE_BARS_BACK), counts.changed_back)
        if counts.restored:
            self._write(self._fill(bars.RESTORE_BARS), counts.restored)

    def _insert_days(self, days: UndoDays) -> None:
        self._run(bars.CREATE_DAYS)
        for kind, ranges in (
            ("skipped", days.skipped),
            ("restored", days.restored),
            ("not_restored", days.not_restored),
        ):
            self._run(bars.INSERT_DAYS, kind=kind, **convert_to_arrays(ranges))
        self._run(bars.ANALYZE_DAYS)

    def _find_bars(self) -> UndoCounts:
        self._run(bars.FIND_BARS, **self._bounds())
        self._run(bars.FIND_RESTORED, **self._bounds())
        self._run(bars.ANALYZE_BARS)
        self._run(bars.COUNT_BARS)
        return UndoCounts(*self._cursor.fetchone())

    def _find_skipped(self) -> SkippedBars:
        self._run(bars.FIND_SKIPPED, **self._bounds())
        self._run(bars.COUNT_SKIPPED_BY_RUN)
        by_run = dict(self._cursor.fetchall())
        self._run(bars.SELECT_FIRST_SKIPPED, limit=MAX_BARS_NAMED)
        return SkippedBars(by_run, tuple(SkippedBar(*row) for row in self._cursor.fetchall()))

    def _find_runs_undone_before(self) -> tuple[int, ...]:
        """Runs that were undone already, and whose values some bars get again because their undo skipped those bars."""
        self._run(bars.SELECT_RUNS_UNDONE_BEFORE)
        return tuple(run_id for (run_id,) in self._cursor.fetchall())

    def _bounds(self) -> dict[str, Any]:
        undone = self._undone
        first, last = undone.time_range
        first_day, end_day = find_whole_days(undone)
        return {
            "run_id": undone.pk,
            "symbols": undone.symbols,
            "min_ts": first,
            "max_ts": last,
            "first_day": first_day,
            "end_day": end_day,
            "has_removed": undone.removed_count > 0,
            "finished_at": undone.finished_at,
        }

    def _run(self, statement: sql.SQL, **parameters: Any) -> None:
        self._cursor.execute(self._fill(statement), parameters or None)

    def _fill(self, statement: sql.SQL) -> sql.Composed:
        return statement.format(**self._tables, **bars.CONDITIONS)

    def _write(self, statement: sql.Composed, expected: int, **parameters: Any) -> None:
        outcome = "nothing was changed"
        execute_counted(self._cursor, statement, parameters or None, expected=expected, outcome=outcome)

    def _can_execute(self) -> bool:
        """False after a database error: any statement would fail and hide that error, and the rollback that must
        follow drops the tables."""
        status = self._cursor.connection.info.transaction_status
        return status == TRANSACTION_STATUS_INTRANS and not self._cursor.db.needs_rollback
