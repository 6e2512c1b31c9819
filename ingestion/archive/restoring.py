"""Brings an archived year back: `restore_year` is the table of contents.

All of it is one transaction, so a killed command leaves nothing to clear up. Loading and reading go on meanwhile: the
year's table is made, filled and compared apart, and attached last.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from ingestion.archive import checks, statements
from ingestion.archive.checks import translate_lake_errors
from ingestion.archive.copying import copy_files
from ingestion.archive.hours import count_rows, find_difference
from ingestion.archive.locks import execute_soon, limit_waiting, lock_commands, retry_locks
from ingestion.database import prepare_transaction, require_database, translate_database_errors
from ingestion.errors import DatabaseFailure, InputError
from ingestion.progress import Progress, count_up
from marketdata.lake.snapshot import open_snapshot
from marketdata.lake.store import open_store
from marketdata.lake.verification.year import list_year_files, verify_year
from marketdata.models import ArchivedYear
from marketdata.partitions.years import partition_name

logger = logging.getLogger(__name__)

IN_ERRORS = {"what": "bars", "outcome": "nothing was changed"}


@dataclass(frozen=True)
class RestoreResult:
    """What was done, or would be. `restored` is False if the year is not archived. `from_lake`: the detached table did
    not exist any more."""

    year: int
    bars: int
    lake: str
    restored: bool
    from_lake: bool


def restore_year(*, year: int, dry_run: bool = False, progress: Progress | None = None) -> RestoreResult:
    """Attach the table of an archived year again, or load it from the lake if it was dropped.

    Raises an `IngestError` whose message is for the user, and nothing has changed then.
    """
    progress = progress or Progress()
    with translate_database_errors(progress, **IN_ERRORS), translate_lake_errors():
        progress.raise_if_cancelled()
        require_database()
        record = checks.find_record(year)
        if record is None:
            return RestoreResult(year, 0, "", restored=False, from_lake=False)
        with connection.cursor() as cursor:
            table = statements.find_table(cursor, year)
        if table:
            raise InputError(f"{partition_name(year)} is a partition already, although {year} is archived.")
        if table is not None and record.dropped_at is not None:
            raise InputError(checks.describe_foreign_table(year))
        from_lake = table is None
        if dry_run:
            _preview(record, progress, from_lake=from_lake)
        elif from_lake:
            _restore_from_lake(record, progress)
        else:
            _attach_detached(record, progress)
    return RestoreResult(year, record.bar_count, record.lake, restored=True, from_lake=from_lake)


def _preview(record: ArchivedYear, progress: Progress, *, from_lake: bool) -> None:
    if not from_lake:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            prepare_transaction(cursor)
            _require_bars(cursor, record, from_lake=False)
        return
    store = open_store(record.lake)
    progress.step(f"Verifying the files of {record.year} in {store.name}")
    with open_snapshot() as snapshot:
        prepare_transaction(snapshot.cursor)
        manifest = checks.require_lake(snapshot.cursor, store)
        damages = verify_year(
            store, manifest, snapshot, record.year, table=None, advance=lambda rows: progress.raise_if_cancelled()
        )
        outcome = "it cannot be restored"
        checks.refuse_damages(store, record.year, damages, outcome=outcome, remedy="restore them from a backup")


def _attach_detached(record: ArchivedYear, progress: Progress) -> None:
    """Attach the detached table, whose bars are compared first."""

    def attempt() -> None:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            _begin(cursor, record, has_table=True)
            limit_waiting(cursor)
            statements.lock_detached(cursor, record.year)
            progress.step(f"Comparing the bars of {record.year} with the hourly rollup")
            _require_bars(cursor, record, from_lake=False)
            _attach(cursor, record, progress)

    retry_locks(attempt, progress)
    logger.info("%s is attached again: %s bars", record.year, record.bar_count)


def _restore_from_lake(record: ArchivedYear, progress: Progress) -> None:
    """Make the table of the year, fill it from the lake, compare it, and attach it."""
    store = open_store(record.lake)
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        _begin(cursor, record, has_table=False)
        manifest = checks.require_lake(cursor, store)
        files = list_year_files(manifest, record.year)
        statements.create_detached(cursor, record.year)
        progress.step(f"Loading {record.year} from {store.name}")
        copy_files(cursor, store, files, record.year, advance=count_up(progress))
        progress.step(f"Comparing the bars of {record.year} with the hourly rollup")
        _require_bars(cursor, record, from_lake=True)
        limit_waiting(cursor)
        retry_locks(lambda: _attach(cursor, record, progress), progress)  # within the transaction: it keeps the bars
    logger.info("%s is restored from %s: %s bars", record.year, store.address, record.bar_count)


def _begin(cursor: CursorWrapper, record: ArchivedYear, *, has_table: bool) -> None:
    """Raise `DatabaseFailure` if another command has changed the year since it was looked up."""
    prepare_transaction(cursor)
    lock_commands(cursor)
    current = checks.find_record(record.year)
    if current is None or (statements.find_table(cursor, record.year) is not None) != has_table:
        raise DatabaseFailure(f"Another command has changed {record.year} meanwhile: run the command again.")


def _require_bars(cursor: CursorWrapper, record: ArchivedYear, *, from_lake: bool) -> None:
    """Raise `InputError` unless the year's table has exactly the bars that the rollup counts."""
    count = count_rows(cursor, record.year)
    difference = (
        f"{count:,} bars instead of {record.bar_count:,}."
        if count != record.bar_count
        else find_difference(cursor, record.year)
    )
    if not difference:
        return
    if from_lake:
        raise InputError(
            f"The bars of {record.year} in {record.lake} are not those of the hourly rollup ({difference[:-1]}), so "
            "nothing was restored: run verify_lake, and restore the files from a backup."
        )
    table = partition_name(record.year)
    raise InputError(
        f"The detached table {table} has other bars than the hourly rollup ({difference[:-1]}), so nothing was "
        f"restored: rename it, and run the command again, which then loads {record.year} from {record.lake}."
    )


def _attach(cursor: CursorWrapper, record: ArchivedYear, progress: Progress) -> None:
    progress.step(f"Attaching {record.year}")
    with transaction.atomic():
        statements.prepare_attach(cursor, record.year)
        progress.raise_if_cancelled()
        execute_soon(cursor, statements.make_attach(record.year))
        statements.finish_attach(cursor, record.year)
