"""From a file to bars in the table: the only way in. `ingest_file` is the table of contents, one line per step.

What happens to each row between opening and COPY stands in `FileReader`, in the same way.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

from django.db import DataError, Error, IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper

from ingestion.database import (
    check_before_statements,
    prepare_transaction,
    require_database,
    translate_database_errors,
)
from ingestion.dbn.beside.conditions import summarize_conditions
from ingestion.dbn.layout import SCHEMA
from ingestion.dbn.source import SourceFile
from ingestion.dbn.text import to_printable
from ingestion.errors import IngestError, Interrupted, RunCancelled, is_failure, refuse_failures
from ingestion.loading.copy import copy_new_bars, copy_staged_bars
from ingestion.loading.locks import lock_series
from ingestion.loading.overlap import ANY_TIME, StoredRanges, find_shared_minute, find_stored_ranges
from ingestion.loading.partitions import PartitionKeeper, keep_partitions, refuse_removing
from ingestion.loading.price_steps import read_steps, store_loaded_steps
from ingestion.loading.replace import find_replaced_bars, remove_replaced_bars
from ingestion.loading.staging import create_staging, finish_staging
from ingestion.loading.upsert import Counts, StagedRange, count_changes, upsert
from ingestion.loading.withdrawn import FileBars, WithdrawnBars, find_withdrawn_bars, remove_withdrawn_bars
from ingestion.loading.withdrawn_notes import describe_withdrawn
from ingestion.options import IngestOptions, check_options
from ingestion.progress import Progress
from ingestion.reader import FileReader, LoadBatch, prefetch
from ingestion.results import FileResult, LoadedFile
from ingestion.runs import COMMAND_LINE, RunRequest, close_on_failure, open_run, succeed_run
from ingestion.sessions.monitor import monitor_run
from ingestion.split.apply import Settlement, settle_series
from ingestion.symbology.conflicts import (
    Conflict,
    find_conflicts,
    refuse_conflicts,
    refuse_shared_minute,
    separate_joins,
)
from ingestion.symbology.covered import CoveredRange
from ingestion.symbology.intervals import record_intervals
from ingestion.symbology.mapped_dates import record_mapped_dates
from ingestion.symbology.returning import refuse_returning_symbols
from ingestion.symbology.series import (
    default_dataset_name,
    describe_new_calendars,
    ensure_series,
    refuse_other_dataset,
)
from ingestion.symbology.stored_contracts import refuse_unsplit
from marketdata.models import IngestRun
from marketdata.partitions.archived_bars import SeriesRange
from marketdata.runs.locks import close_orphaned_runs

logger = logging.getLogger(__name__)

IN_DOUBT = (
    "The connection to the database was lost during the commit, so it is not known whether the file was stored: "
    "run the command again when the server is back; bars already stored stay unchanged."
)


def ingest_file(
    *,
    path: Path,
    options: IngestOptions | None = None,
    progress: Progress | None = None,
    request: RunRequest = COMMAND_LINE,
) -> LoadedFile:
    """Store a file's bars, all or none. The run that records it is `success` and committed.

    Raises an `IngestError` whose message is for the user; the run is then `failed` with the same message.
    Must not be called within a transaction, which would roll the audit trail back too.
    """
    options, progress = options or IngestOptions(), progress or Progress()
    check_options(path, options)
    run = _new_run(path, options, request)
    with refuse_failures(path), translate_database_errors(progress):
        _require_database(progress)
        close_orphaned_runs()
        open_run(run, request)
    with monitor_run(run, progress) as progress, _load_transaction(run, path, progress) as cursor:
        with _audited_file(run, path, options, progress) as file:
            progress.step("Waiting for other writers of these series")
            lock_series(cursor, file.possible_symbols)
            keep_partitions(cursor)
            refuse_unsplit(file.path, file.possible_symbols)
            file.load_contracts()
            price_steps = read_steps(cursor, file.stored_series)
            new_count = _copy_file(cursor, file, options, run, progress)
        finish_staging(cursor, file.symbols)
        progress.step("Storing")
        settlements = _list_settlements(file)
        settled = settle_series(cursor, settlements, progress)
        conflicts = _check_conflicts(cursor, file, options)
        covered = file.find_covered_ranges(conflicts)
        removed_count = find_replaced_bars(cursor, conflicts)
        remove_replaced_bars(cursor, conflicts, run.pk)
        calendar_notes = describe_new_calendars(file.file_symbols, file.metadata.dataset)
        _record_series(run, file)
        counts = upsert(cursor, _staged_range(file, new_count), run.pk).add_inserted(new_count)
        withdrawn = _find_withdrawn(cursor, file, covered, counts.inserted + counts.updated, options, run.pk)
        remove_withdrawn_bars(cursor, withdrawn, run.pk)
        price_steps |= dict.fromkeys((settlement.name for settlement in settlements), None)
        has_changed = counts.changed or removed_count or withdrawn.removed_count
        store_loaded_steps(cursor, price_steps, file.price_steps, run_id=run.pk if has_changed else None)
        result = _record_result(run, file, counts, removed_count, withdrawn, calendar_notes)
        progress.raise_if_cancelled()
        succeed_run(run, settled=settled)
    _log_result(path, result)
    logger.info("Run %s stored %s: %s bars, %s of them new", run.pk, path, run.row_count, run.inserted_count)
    return LoadedFile(run, result)


def preview_file(*, path: Path, options: IngestOptions | None = None, progress: Progress | None = None) -> FileResult:
    """Do everything that `ingest_file` does except write: the counts are those that it would have.

    Raises what `ingest_file` would raise. Waits for no lock.
    """
    options, progress = options or IngestOptions(), progress or Progress()
    check_options(path, options)
    with refuse_failures(path), translate_database_errors(progress):
        _require_database(progress)
        with (
            transaction.atomic(durable=True),
            connection.cursor() as cursor,
            SourceFile(path, progress.raise_if_cancelled) as source,
        ):
            prepare_transaction(cursor)
            file = _open(source, options, progress)
            refuse_unsplit(file.path, file.possible_symbols)
            file.load_contracts()
            create_staging(cursor)
            partitions = PartitionKeeper(file.path, writes=False)
            _copy_batches(cursor, file.preview_batches(), partitions, progress)
            settle_series(cursor, _list_settlements(file), progress)
            finish_staging(cursor, file.symbols)
            progress.step("Comparing with the table")
            conflicts = _check_conflicts(cursor, file, options)
            covered = file.find_covered_ranges(conflicts)
            removed_count = find_replaced_bars(cursor, conflicts)
            counts = count_changes(cursor, _staged_range(file, 0))
            withdrawn = _find_withdrawn(cursor, file, covered, counts.updated, options)
            calendar_notes = describe_new_calendars(file.file_symbols, file.metadata.dataset)
            transaction.set_rollback(True)
    result = _build_result(
        file, counts, removed_count, withdrawn, calendar_notes, dataset=options.dataset, sha256=source.sha256
    )
    _log_result(path, result)
    return replace(result, notes=(*result.notes, *map(_describe_replacement, conflicts)))


# --- Steps -----------------------------------------------------------------------------------------------------------


def _require_database(progress: Progress) -> None:
    progress.raise_if_cancelled()
    require_database()


@contextlib.contextmanager
def _load_transaction(run: IngestRun, path: Path, progress: Progress) -> Iterator[CursorWrapper]:
    """One transaction for bars, counts and the run's status. A failure closes the run as failed, after the rollback."""
    with (
        close_on_failure(run, in_doubt=IN_DOUBT),
        refuse_failures(path),
        translate_database_errors(progress),
        transaction.atomic(durable=True),
        connection.cursor() as cursor,
        check_before_statements(progress),
    ):
        prepare_transaction(cursor)
        yield cursor


@contextlib.contextmanager
def _audited_file(run: IngestRun, path: Path, options: IngestOptions, progress: Progress) -> Iterator[FileReader]:
    """The open file. Its size and SHA-256 go into the run, also when the file is refused."""
    with SourceFile(path, progress.raise_if_cancelled) as source:
        run.file_size = source.size
        try:
            file = _open(source, options, progress)
            run.vendor_dataset, run.symbols = file.metadata.dataset, file.possible_symbols
            run.requested_symbols = list(file.metadata.symbols)
            run.requested_start, run.requested_end = file.metadata.time_range
            yield file
        except (Interrupted, RunCancelled):
            raise  # at once, without reading the rest
        except BaseException as error:
            if is_failure(error) and not _is_database_lost(error):
                _record_sha256(run, source)  # the file was refused, so its SHA-256 identifies it
            raise
        run.file_sha256 = source.sha256


def _is_database_lost(error: BaseException) -> bool:
    return isinstance(error, Error) and not isinstance(error, (DataError, IntegrityError))


def _record_sha256(run: IngestRun, source: SourceFile) -> None:
    try:
        source.read_to_end()
        run.file_sha256 = source.sha256
    except Interrupted:
        raise
    except IngestError as error:
        logger.debug("%s has no SHA-256: %s", source.path, error)  # it cannot be read, which the run reports


def _open(source: SourceFile, options: IngestOptions, progress: Progress) -> FileReader:
    progress.start_file(source.path, source.size)
    return FileReader(source, options)


def _list_settlements(file: FileReader) -> list[Settlement]:
    """The stored series whose contracts the file settles, so that they get another name."""
    moved = {(source, one.symbol) for one in file.instruments for source in one.moved_from}
    columns = file.contract_columns if moved else {}
    return [Settlement(source, symbol, columns[symbol]) for source, symbol in sorted(moved)]


def _find_stored_ranges(cursor: CursorWrapper, file: FileReader, options: IngestOptions) -> StoredRanges:
    """When the table has bars of the file's series. To replace an instrument, all rows must be staged: what the file
    does not have is found by comparison with them."""
    if options.replace_instrument:
        return ANY_TIME
    return find_stored_ranges(cursor, file.metadata, file.stored_series)


def _copy_file(
    cursor: CursorWrapper, file: FileReader, options: IngestOptions, run: IngestRun, progress: Progress
) -> int:
    """Copy all rows of the file into the table or into staging. Returns how many were new."""
    stored_ranges = _find_stored_ranges(cursor, file, options)
    create_staging(cursor)
    partitions = PartitionKeeper(file.path)
    return _copy_batches(cursor, file.load_batches(stored_ranges, run.pk), partitions, progress)


def _copy_batches(
    cursor: CursorWrapper, batches: Iterator[LoadBatch], partitions: PartitionKeeper, progress: Progress
) -> int:
    """Copy new rows into the table and possibly stored ones into staging. Returns how many were new."""
    progress.step("Reading")
    new_count = row_count = 0
    with prefetch(batches, progress.raise_if_cancelled) as prepared:
        for batch in prepared:
            copy_new_bars(cursor, batch.new, partitions.prepare(cursor, batch.years))
            copy_staged_bars(cursor, batch.possibly_stored)
            new_count += batch.new.count
            row_count += batch.new.count + batch.possibly_stored.count
            progress.advance_to(batch.position)
            progress.count_rows(row_count)
            progress.raise_if_cancelled()
    return new_count


def _check_conflicts(cursor: CursorWrapper, file: FileReader, options: IngestOptions) -> list[Conflict]:
    """Refuse a file that maps a series to another instrument than the table does, unless that is requested."""
    if not (options.symbol or options.replace_instrument):
        refuse_other_dataset(file.path, file.symbols, file.metadata.dataset)
    if not (options.symbol or options.continue_symbol):
        refuse_returning_symbols(file.metadata, file.mapped_dates, file.raw_symbol_by_series)
    contracts = {one.symbol for one in file.instruments if one.contract}
    conflicts, joins = separate_joins(find_conflicts(file.intervals_by_symbol), contracts)
    refuse_shared_minute(file.path, find_shared_minute(cursor, joins))
    if not options.replace_instrument:
        refuse_conflicts(file.path, conflicts)
    refuse_removing(
        file.path,
        [SeriesRange(one.symbol, one.start, one.end) for one in conflicts],
        what="would replace the instrument of",
        remedy="load a file that does not map it there",
    )
    return conflicts


def _record_series(run: IngestRun, file: FileReader) -> None:
    """The series of the file, new ones included, and to which instruments it maps them."""
    series = ensure_series(file.contract_columns, file.metadata.dataset, file.file_symbols)
    record_intervals(run, series, file.intervals_by_symbol, file.raw_symbols)
    record_mapped_dates(run, series, file.intervals_by_symbol, file.mapped_dates, file.raw_symbol_by_series)


def _staged_range(file: FileReader, new_count: int) -> StagedRange:
    check = file.check
    staged_count = check.row_count - check.duplicate_count - new_count
    return StagedRange(staged_count, file.symbols, *check.time_range)


def _find_withdrawn(
    cursor: CursorWrapper,
    file: FileReader,
    covered: list[CoveredRange],
    stored_count: int,
    options: IngestOptions,
    run_id: int | None = None,
) -> WithdrawnBars:
    """The bars of the covered ranges that the file does not have. `stored_count`: how many of the table it has."""
    if not covered:
        return WithdrawnBars()
    if options.remove_withdrawn:
        refuse_removing(
            file.path,
            [SeriesRange(one.symbol, one.start, one.end) for one in covered],
            what="does not have the bars of",
            remedy="load it without --remove-withdrawn",
        )
    bars = FileBars(file.path, stored_count, file.symbols, *file.time_range, run_id)
    return find_withdrawn_bars(cursor, covered, bars, remove=options.remove_withdrawn)


# --- The result ------------------------------------------------------------------------------------------------------


def _new_run(path: Path, options: IngestOptions, request: RunRequest) -> IngestRun:
    return IngestRun(
        kind=request.kind,
        feed_request_id=request.feed_request_id,
        feed_session_id=request.feed_session_id,
        schema=SCHEMA,
        file_name=path.name,
        file_path=str(path.absolute()),
        **options.to_run_fields(),
    )


def _record_result(
    run: IngestRun,
    file: FileReader,
    counts: Counts,
    removed_count: int,
    withdrawn: WithdrawnBars,
    calendar_notes: list[str],
) -> FileResult:
    dataset = run.dataset or default_dataset_name(file.symbols, run.vendor_dataset, run.schema)
    result = _build_result(
        file, counts, removed_count, withdrawn, calendar_notes, dataset=dataset, sha256=run.file_sha256
    )
    for name, value in result.to_run_fields().items():
        setattr(run, name, value)
    first, last = run.time_range
    run.vendor_conditions = summarize_conditions(
        file.path, (run.requested_start or first).date(), _find_last_date(run.requested_end, last) + timedelta(days=1)
    )
    return result


def _find_last_date(end: datetime | None, last: datetime) -> date:
    """The last date of a file whose range ends before `end` and whose last bar is `last`."""
    return last.date() if end is None else max(last, end - timedelta(microseconds=1)).date()


def _build_result(
    file: FileReader,
    counts: Counts,
    removed_count: int,
    withdrawn: WithdrawnBars,
    calendar_notes: list[str],
    *,
    dataset: str,
    sha256: str,
) -> FileResult:
    check = file.check
    # What the run writes lies within its series and times, bars that it removes included: an undo looks there.
    times = [*check.time_range, *withdrawn.removed_range]
    return FileResult(
        symbols=tuple(sorted({*file.symbols, *withdrawn.removed_symbols})),
        dataset=dataset,
        file_sha256=sha256,
        row_count=check.row_count,
        inserted_count=counts.inserted,
        updated_count=counts.updated,
        changed_count=counts.changed,
        duplicate_count=check.duplicate_count,
        removed_count=removed_count + withdrawn.removed_count,
        withdrawn_count=withdrawn.count,
        gap_count=check.gap_count,
        min_ts=min(times),
        max_ts=max(times),
        notes=(
            *file.notes(),
            *calendar_notes,
            *describe_withdrawn(withdrawn, file.metadata, remove=file.options.remove_withdrawn),
        ),
    )


def _describe_replacement(conflict: Conflict) -> str:
    return f"Would replace {conflict.stored} of {to_printable(conflict.symbol)} from {conflict.start} on."


def _log_result(path: Path, result: FileResult) -> None:
    logger.info("%s: %s rows, %s gaps", path, result.row_count, result.gap_count)
