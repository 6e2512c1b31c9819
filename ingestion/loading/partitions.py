"""The partitions that a file needs: they exist before its rows are copied, and an archived year is refused.

A missing partition is made in a session of its own and committed at once. In the load's transaction, every other load
that needs a partition would wait for the end of this one. A partition without bars does no harm if the load fails.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np
from django.db import DatabaseError, connection
from django.db.backends.utils import CursorWrapper
from psycopg2.errorcodes import LOCK_NOT_AVAILABLE

from ingestion.dbn.text import to_printable
from ingestion.errors import DatabaseFailure, InputError
from ingestion.symbology.resolve import ResolvedBars
from marketdata.database import get_sqlstate
from marketdata.formatting import format_list
from marketdata.models import IngestRun
from marketdata.partitions.archived import find_archived_years
from marketdata.partitions.archived_bars import SeriesRange, find_archived_bars, find_year_of_run
from marketdata.partitions.years import TABLE, add_partitions, find_missing_partitions, partition_name

# `partition_bars`, `archive_year` and `restore_year` need a stronger lock, and wait until this transaction ends.
_KEEP_PARTITIONS = "LOCK TABLE market_bars_ohlcv_1m IN ROW EXCLUSIVE MODE"
_LOCK_TIMEOUT = "SET lock_timeout = '30s'"
# The partitions that this role may fill directly. A role that was given its rights later goes through the table.
_DIRECT = """
SELECT year, set_config('barkeep.loads_partition', 'on', true)
FROM unnest(%s) AS requested (year)
CROSS JOIN LATERAL to_regclass('market_bars_ohlcv_1m_' || year) AS partition
WHERE pg_partition_root(partition) = 'market_bars_ohlcv_1m'::regclass AND has_table_privilege(partition, 'INSERT')
"""
_EPOCH_YEAR = 1970


def keep_partitions(cursor: CursorWrapper) -> None:
    """Until the transaction ends, no partition is detached. To be called before the first statement on the bars."""
    cursor.execute(_KEEP_PARTITIONS)


def find_years(bars: ResolvedBars) -> frozenset[int]:
    """The years, UTC, that have bars of the batch."""
    if not len(bars):
        return frozenset()
    times = bars.batch.records["ts_event"].view(np.int64)
    first, last = _to_years(np.array([times.min(), times.max()])).tolist()
    return frozenset([first, last] if last - first < 2 else np.unique(_to_years(times)).tolist())


def _to_years(times: np.ndarray) -> np.ndarray:
    """The years of nanoseconds since 1970, UTC."""
    years: np.ndarray = times.view("datetime64[ns]").astype("datetime64[Y]").astype(np.int64) + _EPOCH_YEAR
    return years


class PartitionKeeper:
    """The partitions of one load. Each year is looked up once. `writes`: whether bars are stored, so that a year needs
    its partition."""

    def __init__(self, path: Path, *, writes: bool = True) -> None:
        self._path, self._writes = path, writes
        self._known: frozenset[int] = frozenset()
        self._direct: set[int] = set()

    def prepare(self, cursor: CursorWrapper, years: frozenset[int]) -> str:
        """Make the partitions of these years where they are missing. Returns the table to copy their new bars into:
        the partition, if all belong to one.

        Raises `InputError` for a year that is archived, and `DatabaseFailure` where a lock is not free in time.
        """
        if new := years - self._known:
            refuse_archived(self._path, new)
            if self._writes:
                self._direct |= _find_direct(cursor, new)
            self._known |= new
        return partition_name(*years) if len(years) == 1 and years <= self._direct else TABLE


def _find_direct(cursor: CursorWrapper, years: frozenset[int]) -> set[int]:
    """The years whose partitions can be filled directly, after missing ones are made. Usually one statement."""
    cursor.execute(_DIRECT, [list(years)])
    found = {year for year, _ in cursor.fetchall()}
    if found < years and (missing := find_missing_partitions(cursor, years - found)):
        _make_partitions(missing)
        cursor.execute(_DIRECT, [list(years)])
        found = {year for year, _ in cursor.fetchall()}
    return found


def refuse_archived(path: Path, years: Collection[int]) -> None:
    """Raise `InputError` if one of these years is archived. To be called after `keep_partitions`."""
    if archived := find_archived_years(years):
        named, verb = format_list([str(year) for year in archived]), "is" if len(archived) == 1 else "are"
        raise InputError(
            f"{path} has bars of {named}, which {verb} archived in the lake: run restore_year {archived[0]} first, or "
            "load a file without them.",
            path=path,
        )


def refuse_removing(path: Path, ranges: Iterable[SeriesRange], *, what: str, remedy: str) -> None:
    """Raise `InputError` if one of the series has archived bars in its range, which the load would remove.

    `what`: "would remove bars of". To be called after `keep_partitions`.
    """
    if found := find_archived_bars(ranges):
        raise InputError(
            f"{path} {what} {to_printable(found.symbol)} in {found.year}, which is archived in the lake: run "
            f"restore_year {found.year} first, or {remedy}.",
            path=path,
            symbol=found.symbol,
        )


def describe_archived(symbols: Iterable[str]) -> str:
    """Why the bars of these series cannot move: some are archived. Empty if none is."""
    found = find_archived_bars(map(SeriesRange, symbols))
    if found is None:
        return ""
    return (
        f"{to_printable(found.symbol)} has bars in {found.year}, which is archived in the lake: run restore_year "
        f"{found.year} first."
    )


def refuse_archived_run(run: IngestRun) -> None:
    """Raise `InputError` if the run may have bars or changes in an archived year: it cannot be undone there."""
    if year := find_year_of_run(run):
        raise InputError(
            f"Run {run.pk} has bars or changes in {year}, which is archived in the lake: run restore_year {year} first."
        )


def _make_partitions(years: list[int]) -> None:
    session = connection.copy()
    try:
        with session.cursor() as cursor:
            cursor.execute(_LOCK_TIMEOUT)
            add_partitions(cursor, years)
    except DatabaseError as error:
        if get_sqlstate(error) != LOCK_NOT_AVAILABLE:
            raise
        raise DatabaseFailure(
            f"The partition for the bars of {years[0]} cannot be made while another program changes the table of bars, "
            "so nothing of this file was stored: run the command again when that program has ended."
        ) from error
    finally:
        session.close()
