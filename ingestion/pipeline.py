"""From a file to bars in the table: the one way in. `ingest_file` is its table of contents."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.db import DataError, IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper

from ingestion.database import require_database, translate_database_errors
from ingestion.dbn.layout import SCHEMA
from ingestion.dbn.source import SourceFile
from ingestion.errors import IngestError, Interrupted
from ingestion.loading.copy import copy_new_bars
from ingestion.loading.locks import lock_series
from ingestion.loading.overlap import ANY_TIME, find_stored_ranges
from ingestion.loading.replace import find_replaced_bars, remove_replaced_bars
from ingestion.loading.staging import copy_staged_bars, create_staging, finish_staging
from ingestion.loading.upsert import Counts, StagedRange, count_changes, upsert
from ingestion.options import IngestOptions, check_options
from ingestion.progress import Progress
from ingestion.reader import FileReader, prefetch
from ingestion.runs import close_on_failure, open_run, succeed_run
from ingestion.symbology.conflicts import Conflict, find_conflicts, refuse_conflicts
from ingestion.symbology.intervals import InstrumentInterval, record_intervals
from ingestion.symbology.series import ensure_series, propose_slug, refuse_other_dataset
from ingestion.validation.series_rules import SeriesCheck
from marketdata.models import IngestRun, Series
from marketdata.runs.locks import close_orphaned_runs

logger = logging.getLogger(__name__)

IN_DOUBT = (
    "The connection to the database was lost while the file was committed, so it is not known whether it was stored: "
    "run the command again when the server is back; what is stored already will be left alone."
)


@dataclass(frozen=True)
class TakenFile:
    """A file whose rows are known to be good: `stored` of them in the table already, the others staged."""

    stored: int
    staged: StagedRange
    check: SeriesCheck
    intervals_by_symbol: dict[str, list[InstrumentInterval]]

    @property
    def symbols(self) -> list[str]:
        return list(self.intervals_by_symbol)


def ingest_file(*, path: Path, options: IngestOptions | None = None, progress: Progress | None = None) -> IngestRun:
    """Store a file's bars, all or none, and return the run that tells about it, `success` and committed.

    Raises an `IngestError` whose message is for the user; the run is then `failed` with the same message.
    Must not be called within a transaction: the audit trail would be undone with it.
    """
    options, progress = options or IngestOptions(), progress or Progress()
    run = _new_run(path, options)
    with translate_database_errors(progress):
        progress.check()
        require_database()
        close_orphaned_runs()
        open_run(run)
    with (
        close_on_failure(run, in_doubt=IN_DOUBT),
        translate_database_errors(progress),
        transaction.atomic(durable=True),
        connection.cursor() as cursor,
    ):
        taken = _take(cursor, run, options, progress)
        progress.step("Storing")
        series_of = ensure_series(taken.symbols, run.vendor_dataset)
        conflicts = _settle_conflicts(cursor, run, taken, options)
        if conflicts:
            remove_replaced_bars(cursor, conflicts, run.pk)
        record_intervals(run, series_of, taken.intervals_by_symbol)
        _fill_in(run, taken, upsert(cursor, taken.staged, run.pk))
        run.dataset = run.dataset or _dataset_name(taken.symbols, series_of, run)
        progress.check()
        succeed_run(run)
    logger.info("Run %s stored %s: %s bars, %s of them new", run.pk, path, run.row_count, run.inserted_count)
    return run


def preview_file(*, path: Path, options: IngestOptions | None = None, progress: Progress | None = None) -> IngestRun:
    """Do everything but write: return a run that is not saved, with the counts that `ingest_file` would have.

    Raises what `ingest_file` would raise.
    """
    options, progress = options or IngestOptions(), progress or Progress()
    run = _new_run(path, options)
    with translate_database_errors(progress):
        progress.check()
        require_database()
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            taken = _take(cursor, run, options, progress)
            conflicts = _settle_conflicts(cursor, run, taken, options)
            progress.step("Comparing with the table")
            _fill_in(run, taken, count_changes(cursor, taken.staged))
            transaction.set_rollback(True)
    for conflict in conflicts:
        progress.note(f"Would replace {conflict.stored} behind {conflict.symbol} from {conflict.start} on.")
    return run


def _take(cursor: CursorWrapper, run: IngestRun, options: IngestOptions, progress: Progress) -> TakenFile:
    """Open, decode, check, name; then store what can meet no bar of the table, and stage what might."""
    with _hashed(run, Path(run.file_path)) as source:
        progress.start_file(source.path, source.size)
        file = FileReader(source, options)
        run.vendor_dataset, run.symbols = file.metadata.dataset, file.possible_symbols
        windows = ANY_TIME
        if run.pk is not None:  # a preview writes nothing, so it need not wait
            progress.step("Waiting for others who write these series")
            lock_series(cursor, run.symbols)
            if not options.replace_instrument:  # what the other instrument must leave is told from staging
                windows = find_stored_ranges(cursor, file.metadata, run.symbols)
        create_staging(cursor)
        progress.step("Reading")
        stored = 0
        with prefetch(file.copy_batches(windows, run.pk)) as batches:
            for batch in batches:
                copy_new_bars(cursor, batch.new)
                copy_staged_bars(cursor, batch.possibly_stored)
                stored += batch.new.count
                progress.read_up_to(batch.read_up_to)
                progress.check()
    finish_staging(cursor, file.symbols)
    for note in file.notes():
        if note:
            progress.note(note)
    check = file.check
    logger.info("%s: %s rows, %s gaps. %s", run.file_path, check.row_count, check.gap_count, check.longest_gap_note)
    staged = StagedRange(check.row_count - check.duplicate_count - stored, file.symbols, check.min_ts, check.max_ts)
    return TakenFile(stored, staged, check, file.intervals_by_symbol())


def _settle_conflicts(
    cursor: CursorWrapper, run: IngestRun, taken: TakenFile, options: IngestOptions
) -> list[Conflict]:
    """Refuse the file if it has another instrument than the table, or count what must go if that is meant."""
    if not (options.symbol or options.replace_instrument):
        refuse_other_dataset(run.file_path, taken.symbols, run.vendor_dataset)
    conflicts = find_conflicts(taken.intervals_by_symbol)
    if not options.replace_instrument:
        refuse_conflicts(run.file_path, conflicts)
    if conflicts:
        run.removed_count = find_replaced_bars(cursor, conflicts)
    return conflicts


# --- The run ---------------------------------------------------------------------------------------------------------


def _new_run(path: Path, options: IngestOptions) -> IngestRun:
    check_options(path, options)
    return IngestRun(
        dataset=options.dataset,
        schema=SCHEMA,
        file_name=path.name,
        file_path=str(path.absolute()),
        requested_symbol=options.symbol,
        row_limit=options.limit,
        publisher_id=options.publisher_id,
        replace_instrument=options.replace_instrument,
    )


@contextlib.contextmanager
def _hashed(run: IngestRun, path: Path) -> Iterator[SourceFile]:
    """The open file. Its size and hash go into the run, also when the file is refused half-way."""
    with SourceFile(path) as source:
        run.file_size = source.size
        try:
            yield source
        except Interrupted:
            raise  # at once, without reading the rest
        except (IngestError, DataError, IntegrityError):  # it is the file that was refused
            with contextlib.suppress(IngestError):
                source.read_to_end()
                run.file_sha256 = source.sha256
            raise
        run.file_sha256 = source.sha256


def _fill_in(run: IngestRun, taken: TakenFile, counts: Counts) -> None:
    check = taken.check
    run.symbols = sorted(taken.symbols)
    run.row_count, run.duplicate_count, run.gap_count = check.row_count, check.duplicate_count, check.gap_count
    run.inserted_count = taken.stored + counts.inserted
    run.updated_count, run.changed_count = counts.updated, counts.changed
    run.min_ts, run.max_ts = check.min_ts, check.max_ts


def _dataset_name(symbols: list[str], series_of: dict[str, Series], run: IngestRun) -> str:
    """`<slug>_<schema>`: mnq_ohlcv_1m. A file of several series goes by the vendor's dataset: glbx_mdp3_ohlcv_1m."""
    name = series_of[symbols[0]].slug if len(symbols) == 1 else propose_slug(run.vendor_dataset)
    return f"{name}_{run.schema}".replace("-", "_")
