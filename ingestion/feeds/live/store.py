"""From a batch in the spool to bars in the table: `ingest_file`, unchanged, and then the file is removed.

A crash at any point loses and doubles nothing: a file stays until its run is committed, and bars that are stored
already stay unchanged. A file that is refused is divided by symbol, so that the others are stored; that of the symbol
that is refused moves to the folder `quarantine`, and its failed run records why. So do bars of an archived year.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from django.db import DataError, Error, IntegrityError

from ingestion.errors import DatabaseFailure, IngestError, RunCancelled
from ingestion.feeds.folders import feed_folder
from ingestion.feeds.live.spool import QUARANTINE, prepare_spool, read_metadata, split_batch
from ingestion.options import IngestOptions
from ingestion.pipeline import ingest_file
from ingestion.runs import RunRequest, fail_run, open_run, release_run_lock
from marketdata.models import IngestRun, Series


@dataclass
class StoredBatch:
    """What became of a batch: `bars` of it are stored; `refused` has the sentences of what was not."""

    bars: int = 0
    inserted: int = 0
    changed: int = 0
    refused: list[str] = field(default_factory=list)


def live_folder() -> Path:
    """Where the receiver writes the batches of this database. Raises `FeedRefused` if it cannot be made."""
    folder = feed_folder() / "live"
    prepare_spool(folder)
    return folder


def store_batch(path: Path, session_id: int) -> StoredBatch:
    """Load a batch of the session, then remove its file.

    Raises `DatabaseFailure` if the database could not store it for now: the file stays, and the caller tries again.
    Raises `OSError` or `FeedRefused` if the folder cannot be written: the file stays too.
    """
    try:
        run = _load(path, session_id)
    except IngestError as error:
        if _may_succeed_later(error):
            raise
        return _store_parts(path, session_id, error)
    _forget_attempts(path)
    path.unlink(missing_ok=True)
    return StoredBatch(run.row_count or 0, run.inserted_count, run.changed_count)


def record_quarantined(path: Path, session_id: int | None, reason: str) -> None:
    """Record a record that the receiver could not accept, as a failed run of its file."""
    file_path = str(path.absolute())
    if IngestRun.objects.filter(file_path=file_path).exists():
        return
    run = IngestRun(kind=IngestRun.Kind.LIVE, feed_session_id=session_id, file_name=path.name, file_path=file_path)
    request = RunRequest(kind=IngestRun.Kind.LIVE, feed_session_id=session_id)
    open_run(run, request)
    try:
        fail_run(run, reason)
    finally:
        release_run_lock(run)


def _load(path: Path, session_id: int) -> IngestRun:
    request = RunRequest(kind=IngestRun.Kind.LIVE, feed_session_id=session_id)
    return ingest_file(path=path, options=_choose_options(path), request=request).run


def _choose_options(path: Path) -> IngestOptions:
    """A raw symbol that a series claims is stored in the series that subscribes to it, as its history is. Otherwise the
    contract is its own series."""
    metadata = read_metadata(path)
    if metadata is None or metadata.stype_in != Series.Stype.RAW_SYMBOL or len(metadata.symbols) != 2:
        return IngestOptions()
    feed_symbol, symbol = metadata.symbols
    claiming = Series.objects.filter(dataset__in=["", metadata.dataset]).exclude(vendor_symbols=[])
    patterns = [pattern for some in claiming.values_list("vendor_symbols", flat=True) for pattern in some]
    is_claimed = any(fnmatchcase(feed_symbol, pattern) for pattern in patterns)
    is_subscribed = Series.objects.filter(symbol=symbol, feed_symbol=feed_symbol).exists()
    return IngestOptions(symbol=symbol) if is_claimed and is_subscribed else IngestOptions()


def _forget_attempts(path: Path) -> None:
    """Remove the failed runs of a batch that is stored now: a process that was killed, or a database that was away, had
    interrupted them. They have no bars, and the trail keeps one run for each batch."""
    attempts = IngestRun.objects.filter(
        kind=IngestRun.Kind.LIVE, status=IngestRun.Status.FAILED, file_path=str(path.absolute())
    )
    if attempts.exists():
        attempts._raw_delete(attempts.db)  # nothing refers to them


def _may_succeed_later(error: IngestError) -> bool:
    """Whether the same file can be stored without a change: not if the database refuses its values."""
    if isinstance(error, DatabaseFailure):
        return not isinstance(error.__cause__, (DataError, IntegrityError))
    return isinstance(error, RunCancelled) or isinstance(error.__cause__, Error)


def _store_parts(path: Path, session_id: int, error: IngestError) -> StoredBatch:
    """Store what can be stored of a refused file, symbol by symbol, then year by year."""
    parts = split_batch(path)
    if parts == [path]:
        quarantine_file(path, error)
        return StoredBatch(refused=[str(error)])
    stored = StoredBatch()
    for part in parts:
        one = store_batch(part, session_id)
        stored.bars += one.bars
        stored.inserted += one.inserted
        stored.changed += one.changed
        stored.refused += one.refused
    return stored


def quarantine_file(path: Path, error: IngestError) -> Path:
    """Keep a refused file in the folder `quarantine`, with the reason beside it. Its failed run names the new place."""
    kept = path.parent / QUARANTINE / path.name
    failed = IngestRun.objects.filter(status=IngestRun.Status.FAILED, file_path=str(path.absolute()))
    kept.with_name(f"{kept.name}.txt").write_text(f"{error}\n")
    failed.update(file_path=str(kept.absolute()))
    path.replace(kept)
    return kept
