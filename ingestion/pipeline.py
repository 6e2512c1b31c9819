"""From a file to bars in the table: the one way in. `ingest_file` is its table of contents."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import DataError, IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper

from ingestion.database import database_errors_in_words, require_database
from ingestion.decode import SCHEMA, Chunk, FileFacts, RecordReader, first_rows, of_publisher, whole_minutes
from ingestion.direct import claim_free_range, store
from ingestion.errors import IngestError, InputError, Interrupted, InvalidBars
from ingestion.instruments import (
    Conflict,
    InstrumentLog,
    Spell,
    find_conflicts,
    find_removals,
    make_way,
    record_spells,
    refusal,
)
from ingestion.locks import lock_series
from ingestion.name_symbols import SymbolNamer, check_symbol, choose_naming, listed
from ingestion.observer import Observer
from ingestion.open_file import SourceFile
from ingestion.runs import audited, open_run, succeed_run
from ingestion.series import ensure_series, propose_slug, refuse_other_dataset
from ingestion.stage import create_staging, finish_staging, stage
from ingestion.upsert import Counts, StagedRange, count_changes, upsert
from ingestion.validate import SeriesCheck, checked_rows
from marketdata.live_runs import close_dead_runs
from marketdata.models import IngestRun, Series

logger = logging.getLogger(__name__)

MAX_DATASET = 200

IN_DOUBT = (
    "The connection to the database was lost while the file was committed, so it is not known whether it was stored: "
    "run the command again when the server is back; what is stored already will be left alone."
)


@dataclass(frozen=True)
class IngestOptions:
    """How a file is taken. `symbol` and `dataset`: empty for the rule in name_symbols and `<slug>_<schema>`."""

    symbol: str = ""
    dataset: str = ""
    limit: int | None = None
    publisher_id: int | None = None
    replace_instrument: bool = False


@dataclass(frozen=True)
class StagedFile:
    """A file whose rows are known to be good, and staged; or in the table already, if they could meet no bar there."""

    stored: bool
    range: StagedRange
    check: SeriesCheck
    spells_of: dict[str, list[Spell]]


def ingest_file(*, path: Path, options: IngestOptions | None = None, observer: Observer | None = None) -> IngestRun:
    """Store a file's bars, all or none, and return the run that tells about it, `success` and committed.

    Raises an `IngestError` whose message is for the user; the run is then `failed` with the same message.
    Must not be called within a transaction: the audit trail would be undone with it.
    """
    options, observer = options or IngestOptions(), observer or Observer()
    run = _new_run(path, options)
    with database_errors_in_words(observer):
        observer.check()
        require_database()
        close_dead_runs()
        open_run(run)
    with (
        audited(run, in_doubt=IN_DOUBT),
        database_errors_in_words(observer),
        transaction.atomic(durable=True),
        connection.cursor() as cursor,
    ):
        staged = _stage_file(cursor, run, options, observer)
        observer.step("Waiting for others who write these series")
        lock_series(cursor, staged.range.symbols)
        observer.check()
        observer.step("Storing")
        series_of = ensure_series(staged.range.symbols, run.vendor_dataset)
        conflicts = _settle_conflicts(cursor, run, staged, options)
        if conflicts:
            make_way(cursor, conflicts, run.pk)
        record_spells(run, series_of, staged.spells_of)
        _fill_in(run, staged, _stored_counts(staged) or upsert(cursor, staged.range, run.pk))
        run.dataset = run.dataset or _dataset_name(staged.range.symbols, series_of, run)
        observer.check()
        succeed_run(run)
    logger.info("Run %s stored %s: %s bars, %s of them new", run.pk, path, run.row_count, run.inserted_count)
    return run


def preview_file(*, path: Path, options: IngestOptions | None = None, observer: Observer | None = None) -> IngestRun:
    """Do everything but write: return a run that is not saved, with the counts that `ingest_file` would have.

    Raises what `ingest_file` would raise.
    """
    options, observer = options or IngestOptions(), observer or Observer()
    run = _new_run(path, options)
    with database_errors_in_words(observer):
        observer.check()
        require_database()
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            staged = _stage_file(cursor, run, options, observer)
            conflicts = _settle_conflicts(cursor, run, staged, options)
            observer.step("Comparing with the table")
            _fill_in(run, staged, count_changes(cursor, staged.range))
            transaction.set_rollback(True)
    for conflict in conflicts:
        observer.note(f"Would replace {conflict.stored} behind {conflict.symbol} from {conflict.start} on.")
    return run


def _stage_file(cursor: CursorWrapper, run: IngestRun, options: IngestOptions, observer: Observer) -> StagedFile:
    """Open, then chunk by chunk decode, check, name, and stage; or store, where the file can meet no bar."""
    with _hashed(run, Path(run.file_path)) as source:
        observer.start_file(source.path, source.size)
        reader = RecordReader(source)
        run.vendor_dataset = reader.facts.dataset
        naming = choose_naming(
            facts=reader.facts, requested_symbol=options.symbol, default_slug=settings.DEFAULT_SERIES
        )
        run.symbols = [naming.symbol] if naming.symbol else sorted({mapped.symbol for mapped in reader.facts.mappings})
        namer = SymbolNamer(reader.facts, naming)
        check = SeriesCheck(reader.facts, namer)
        instruments = InstrumentLog(source.path, reader.facts.dataset)
        create_staging(cursor)
        observer.step("Looking for bars in the file's range, waiting for others who write these series")
        straight = _may_go_straight(run) and claim_free_range(cursor, reader.facts, run.symbols)
        observer.step("Reading")
        chunks = _selected(reader.chunks(), options)
        for chunk in checked_rows(chunks, facts=reader.facts, symbol_of=namer.symbol_of):
            bars = check.distinct(namer.name(chunk))
            instruments.add(bars.groups, namer.symbols)
            if straight:
                store(cursor, bars, namer.symbols, run.pk)
            else:
                stage(cursor, bars)
            observer.read_up_to(source.bytes_read)
            observer.check()
        source.finish()
        _refuse_empty(source.path, check, options)
    finish_staging(cursor, namer.symbols)
    for note in (naming.note, *_file_notes(source, reader.facts, check)):
        if note:
            observer.note(note)
    logger.info("%s: %s rows, %s gaps. %s", run.file_path, check.row_count, check.gap_count, check.longest_gap_in_words)
    return StagedFile(
        straight,
        StagedRange(check.row_count - check.duplicate_count, namer.symbols, check.min_ts, check.max_ts),
        check,
        {namer.symbols[code]: spells for code, spells in instruments.spells.items()},
    )


def _file_notes(source: SourceFile, facts: FileFacts, check: SeriesCheck) -> Iterator[str]:
    """What the user should know of a file that is good: some may be empty."""
    yield check.longest_gap_in_words
    if source.manifest:
        yield "Checked against manifest.json."
    if facts.not_found:
        yield f"The vendor did not find {len(facts.not_found):,} of the requested symbols: {listed(facts.not_found)}."
    if facts.limit and check.row_count == facts.limit:
        yield f"The download was limited to {facts.limit:,} rows and has as many: there may be more."


def _may_go_straight(run: IngestRun) -> bool:
    """A preview has no run to write under; and what an instrument that is replaced must leave is told from staging."""
    return run.pk is not None and not run.replace_instrument


def _stored_counts(staged: StagedFile) -> Counts | None:
    return Counts(inserted=staged.range.bar_count, updated=0, changed=0) if staged.stored else None


def _selected(chunks: Iterator[Chunk], options: IngestOptions) -> Iterator[Chunk]:
    if options.publisher_id is not None:
        chunks = of_publisher(chunks, options.publisher_id)
    if options.limit is not None:
        chunks = first_rows(chunks, options.limit)
    return whole_minutes(chunks)


def _refuse_empty(path: Path, check: SeriesCheck, options: IngestOptions) -> None:
    if check.row_count:
        return
    if options.publisher_id is not None:
        raise InvalidBars(f"{path} has no rows of publisher {options.publisher_id}: check the number.")
    raise InvalidBars(
        f"{path} has no rows: it is a whole file, but nothing traded in its range, or the download went wrong."
    )


def _settle_conflicts(
    cursor: CursorWrapper, run: IngestRun, staged: StagedFile, options: IngestOptions
) -> list[Conflict]:
    """Refuse the file if it has another instrument than the table, or count what must go if that is meant."""
    if not (options.symbol or options.replace_instrument):
        refuse_other_dataset(run.file_path, staged.range.symbols, run.vendor_dataset)
    conflicts = find_conflicts(staged.spells_of)
    if conflicts and not options.replace_instrument:
        raise refusal(run.file_path, conflicts)
    if conflicts:
        run.removed_count = find_removals(cursor, conflicts)
    return conflicts


# --- The run ---------------------------------------------------------------------------------------------------------


def _new_run(path: Path, options: IngestOptions) -> IngestRun:
    if options.symbol:
        check_symbol(options.symbol)
    if len(options.dataset) > MAX_DATASET:
        raise InputError(f"--dataset has {len(options.dataset)} characters: at most {MAX_DATASET} can be stored.")
    if options.replace_instrument and options.limit:
        raise InputError(
            "--replace-instrument with --limit would remove the other instrument's bars from days that the first rows "
            "do not fill: leave --limit out."
        )
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{str(path)!r} is not a name in UTF-8, so it cannot be stored: rename the file.") from error
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


def _fill_in(run: IngestRun, staged: StagedFile, counts: Counts) -> None:
    check = staged.check
    run.symbols = sorted(staged.range.symbols)
    run.row_count, run.duplicate_count, run.gap_count = check.row_count, check.duplicate_count, check.gap_count
    run.inserted_count, run.updated_count, run.changed_count = counts.inserted, counts.updated, counts.changed
    run.min_ts, run.max_ts = check.min_ts, check.max_ts


def _dataset_name(symbols: list[str], series_of: dict[str, Series], run: IngestRun) -> str:
    """`<slug>_<schema>`: mnq_ohlcv_1m. A file of several series goes by the vendor's dataset: glbx_mdp3_ohlcv_1m."""
    name = series_of[symbols[0]].slug if len(symbols) == 1 else propose_slug(run.vendor_dataset)
    return f"{name}_{run.schema}".replace("-", "_")
