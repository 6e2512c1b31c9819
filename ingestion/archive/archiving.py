"""Archives a year: `archive_year` is the table of contents.

The lake is verified against the bars while others read and write. Then one transaction keeps writers out, looks whether
anything has changed since, detaches the year and records it. Until then nothing has changed; a killed command leaves
nothing to clear up. The detached table stays until it is dropped, after a second verification.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from ingestion.archive import checks, statements
from ingestion.archive.checks import translate_lake_errors
from ingestion.archive.locks import execute_soon, limit_waiting, lock_commands, retry_locks
from ingestion.database import prepare_transaction, require_database, translate_database_errors
from ingestion.errors import DatabaseFailure, InputError
from ingestion.progress import Progress, count_up
from marketdata.lake.manifest import Manifest
from marketdata.lake.snapshot import Snapshot, open_snapshot
from marketdata.lake.store import Store, open_store
from marketdata.lake.verification.year import list_year_files, verify_year
from marketdata.models import ArchivedYear
from marketdata.partitions.years import partition_name

logger = logging.getLogger(__name__)

IN_ERRORS = {"what": "statement", "outcome": "nothing was changed"}


@dataclass(frozen=True)
class Verified:
    """A state of the lake that has a year exactly, and what shows whether the year's table changes afterwards."""

    manifest: Manifest
    bars: int
    fingerprint: str


@dataclass(frozen=True)
class ArchiveResult:
    """What was done, or would be: `archived` and `dropped` are False for what had been done before. `record` is None
    for a preview of a year that is not archived."""

    year: int
    bars: int
    lake: str
    archived: bool
    dropped: bool
    record: ArchivedYear | None


def archive_year(
    *, year: int, lake: str | None = None, drop: bool = False, dry_run: bool = False, progress: Progress | None = None
) -> ArchiveResult:
    """Detach the bars of a past year, which the lake has exactly. `drop`: then verify again, and drop their table.

    `lake`: its folder or address; None: that of the archived year, or LAKE_DIR. Does nothing that was done before.
    Raises an `IngestError` whose message is for the user.
    """
    progress = progress or Progress()
    with translate_database_errors(progress, **IN_ERRORS), translate_lake_errors():
        progress.raise_if_cancelled()
        require_database()
        record = checks.find_record(year)
        if record is None:
            checks.require_past_year(year)
        store = _open_lake(lake, record)
        verified = None
        if record is None or (record.lake != store.address):
            verified = _verify(store, year, record, progress)
        if verified is not None and not dry_run:
            _detach(store, year, verified, record, progress)
        has_archived = record is None
        has_dropped = drop and (record is None or record.dropped_at is None)
        if has_dropped and not dry_run:
            _drop(store, year, _verify(store, year, checks.find_record(year), progress), progress)
        elif has_dropped and record is not None and verified is None:
            _verify(store, year, record, progress)  # as the command would before it drops the table
    record = checks.find_record(year)
    bars = record.bar_count if record else verified.bars if verified else 0
    return ArchiveResult(year, bars, store.address, has_archived, has_dropped, record)


def _open_lake(lake: str | None, record: ArchivedYear | None) -> Store:
    target = lake if lake is not None else record.lake if record else settings.LAKE_DIR
    if lake is None and not target:
        raise InputError("The lake is not known: give --lake DIR, or set LAKE_DIR.")
    return open_store(target)


def _verify(store: Store, year: int, record: ArchivedYear | None, progress: Progress) -> Verified:
    """Compare the year's files with the rollup, and with all columns of the bars, in one state of the database."""
    progress.step(f"Comparing {store.name} with the bars of {year}")
    with open_snapshot(lock=True) as snapshot:
        prepare_transaction(snapshot.cursor)
        cursor = snapshot.cursor
        if record is None:
            checks.require_partition(cursor, year)
        manifest = checks.require_lake(cursor, store)
        files = list_year_files(manifest, year)
        has_table = statements.find_table(cursor, year) is not None
        if record is None:
            checks.require_current(cursor, store, manifest, year)
        if not files:
            raise InputError(
                f"There are no bars of {year}, so there is nothing to archive."
                if record is None
                else f"{store.name} has no bars of {year}, which is archived in {record.lake}: give that lake."
            )
        _refuse_damages(store, manifest, snapshot, year, has_table=has_table, record=record, progress=progress)
        fingerprint = statements.read_fingerprint(cursor, year) if has_table else ""
        return Verified(manifest, sum(file.rows for file in files), fingerprint)


def _refuse_damages(
    store: Store,
    manifest: Manifest,
    snapshot: Snapshot,
    year: int,
    *,
    has_table: bool,
    record: ArchivedYear | None,
    progress: Progress,
) -> None:
    table = partition_name(year) if has_table else None
    damages = verify_year(store, manifest, snapshot, year, table=table, advance=count_up(progress))
    outcome = "nothing was archived" if record is None else "nothing was changed"
    remedy = (
        "run export_lake first, without --since-last"
        if record is None
        else f"run restore_year {year}, which uses the detached table"
        if record.dropped_at is None
        else "restore them from a backup"
    )
    checks.refuse_damages(store, year, damages, outcome=outcome, remedy=remedy)


def _detach(store: Store, year: int, verified: Verified, record: ArchivedYear | None, progress: Progress) -> None:
    """Detach the year and record it, or record another lake for it."""
    progress.step(f"Detaching {year}")
    lake, as_of = store.address, verified.manifest.as_of

    def attempt() -> None:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            prepare_transaction(cursor)
            lock_commands(cursor)
            limit_waiting(cursor)
            if record is not None:
                checks.require_same_lake(store, verified.manifest, year)
                statements.record_lake(cursor, year=year, lake=lake, lake_as_of=as_of)
                return
            if checks.find_record(year) is not None:
                raise DatabaseFailure(f"Another command has archived {year} meanwhile: run the command again.")
            checks.require_partition(cursor, year)
            checks.require_same_lake(store, verified.manifest, year)  # no export can begin: lock_commands
            statements.keep_writers_out(cursor, year)
            _require_unchanged(cursor, store, year, verified)
            statements.record_archived(cursor, year=year, lake=lake, lake_as_of=as_of, bar_count=verified.bars)
            progress.raise_if_cancelled()
            execute_soon(cursor, statements.make_detach(year))

    retry_locks(attempt, progress)
    logger.info("%s is archived in %s: %s bars", year, store.address, verified.bars)


def _require_unchanged(cursor: CursorWrapper, store: Store, year: int, verified: Verified) -> None:
    """Raise `IngestError` if a bar of the year has changed since the comparison."""
    checks.require_current(cursor, store, verified.manifest, year)
    if statements.read_fingerprint(cursor, year) != verified.fingerprint:
        raise DatabaseFailure(
            f"Another program has changed bars of {year} during the comparison, so nothing was archived: run "
            "export_lake --since-last, and then this command again."
        )


def _drop(store: Store, year: int, verified: Verified, progress: Progress) -> None:
    progress.step(f"Dropping the detached table of {year}")

    def attempt() -> None:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            prepare_transaction(cursor)
            lock_commands(cursor)
            limit_waiting(cursor)
            record = checks.find_record(year)
            if record is None or record.dropped_at is not None:
                raise DatabaseFailure(f"Another command has changed {year} meanwhile: run the command again.")
            if (table := statements.find_table(cursor, year)) is None:
                raise InputError(f"The detached table {partition_name(year)} does not exist: it was dropped before.")
            if table:
                raise InputError(
                    f"{partition_name(year)} is a partition, although {year} is archived: run verify_lake."
                )
            statements.lock_detached(cursor, year)
            checks.require_same_lake(store, verified.manifest, year)
            if statements.read_fingerprint(cursor, year) != verified.fingerprint:
                raise DatabaseFailure(f"Another program has changed {partition_name(year)}: run the command again.")
            progress.raise_if_cancelled()
            statements.drop_detached(cursor, year)

    retry_locks(attempt, progress)
    logger.info("The detached table of %s is dropped", year)
