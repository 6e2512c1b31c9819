"""Several files: each its own run and transaction; one that is refused does not stop the others."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from ingestion.decode import RecordReader
from ingestion.errors import IngestError, Interrupted
from ingestion.name_symbols import choose_naming
from ingestion.observer import Observer
from ingestion.open_file import SourceFile
from ingestion.pipeline import IngestOptions, ingest_file, preview_file
from marketdata.models import IngestRun

SUFFIXES = (".dbn", ".dbn.zst")


@dataclass(frozen=True)
class FileOutcome:
    """What became of one file: exactly one of `run`, `error` and `skipped_for` (the earlier run that has it) is set."""

    path: Path
    run: IngestRun | None = None
    error: IngestError | None = None
    skipped_for: IngestRun | None = None


def find_files(inputs: Iterable[Path]) -> list[Path]:
    """The files that the inputs stand for, each once: files as named, folders by their .dbn and .dbn.zst files in the
    order of their names. A folder without any stands for itself, so that it is refused and audited like a bad file."""
    found: dict[Path, Path] = {}
    for path in inputs:
        inside = sorted(file for file in path.rglob("*") if file.name.endswith(SUFFIXES)) if path.is_dir() else []
        for file in inside or [path]:
            found.setdefault(file.resolve(), file)
    return list(found.values())


def ingest_files(
    *,
    paths: Iterable[Path],
    options: IngestOptions,
    observer: Observer,
    dry_run: bool = False,
    skip_ingested: bool = False,
) -> Iterator[FileOutcome]:
    """Take the files one after the other, and say of each what became of it. An interruption ends the work."""
    take = preview_file if dry_run else ingest_file
    for path in paths:
        try:
            earlier = ingested_before(path, options) if skip_ingested else None
            if earlier:
                yield FileOutcome(path, skipped_for=earlier)
                continue
            outcome = FileOutcome(path, run=take(path=path, options=options, observer=observer))
        except IngestError as error:
            outcome = FileOutcome(path, error=error)
        yield outcome
        if isinstance(outcome.error, Interrupted):
            return


def ingested_before(path: Path, options: IngestOptions) -> IngestRun | None:
    """The last successful run of this very file, as a whole, into the same series."""
    with contextlib.suppress(IngestError), SourceFile(path) as source:  # what is wrong with it, ingesting it will tell
        naming = choose_naming(
            facts=RecordReader(source).facts, requested_symbol=options.symbol, default_slug=settings.DEFAULT_SERIES
        )
        source.finish()
        same_series = {"symbols": [naming.symbol]} if naming.symbol else {"requested_symbol": ""}
        return IngestRun.objects.filter(
            file_sha256=source.sha256,
            status=IngestRun.Status.SUCCESS,
            row_limit=None,
            publisher_id=options.publisher_id,
            **same_series,
        ).first()
    return None
