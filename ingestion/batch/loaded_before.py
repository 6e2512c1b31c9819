"""Whether a file need not be loaded, with --skip-ingested: the table has its bars, or those of a later file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet

from ingestion.batch.files import InputFiles
from ingestion.batch.outcomes import Skipped
from ingestion.dbn.records import RecordReader
from ingestion.dbn.source import SourceFile
from ingestion.errors import IngestError, Interrupted
from ingestion.options import IngestOptions
from ingestion.symbology.assign import assign_series
from marketdata.models import IngestRun
from marketdata.runs.stored import find_stored_state


def find_reason_to_skip(
    path: Path, options: IngestOptions, files: InputFiles, check_cancelled: Callable[[], None] = lambda: None
) -> Skipped | None:
    """Return why the file is not loaded: its last successful run loaded all rows of the same content into the same
    series, and the table still has its bars. None if it must be loaded.

    `files`: the batch. Bars that only runs of its later files have changed need not be loaded: to load this file would
    change them, and the later file would change them back. `check_cancelled` is called while files are read.
    """
    run = _find_last_run(path, options, check_cancelled)
    if run is None:
        return None
    state = find_stored_state(run)
    if state.is_unchanged:
        return Skipped(path, run.pk)
    if (
        state.is_accounted_for
        and state.later_run_ids
        and _are_of_files(state.later_run_ids, files.list_after(path), check_cancelled)
    ):
        later = max(state.later_run_ids)
        return Skipped(path, run.pk, f"is already loaded (run {run.pk}), and a later file has changed it (run {later})")
    return None


def _find_last_run(path: Path, options: IngestOptions, check_cancelled: Callable[[], None]) -> IngestRun | None:
    with _suppress_refusal(), SourceFile(path, check_cancelled) as source:
        assignment = assign_series(
            metadata=RecordReader(source).metadata,
            requested_symbol=options.symbol,
            default_slug=settings.DEFAULT_SERIES,
        )
        source.finish()
        same_series = {"symbols": [assignment.symbol]} if assignment.symbol else {"requested_symbol": ""}
        return _filter_complete_runs([source.sha256]).filter(publisher_id=options.publisher_id, **same_series).first()
    return None


def _filter_complete_runs(sha256s: Iterable[str]) -> QuerySet[IngestRun]:
    return IngestRun.objects.filter(file_sha256__in=sha256s, status=IngestRun.Status.SUCCESS, row_limit=None)


def _are_of_files(run_ids: Collection[int], paths: Collection[Path], check_cancelled: Callable[[], None]) -> bool:
    """Whether each of the runs loaded one of the files, with the content that the file has now."""
    by_path = {os.path.abspath(path): path for path in paths}  # noqa: PTH100
    runs = IngestRun.objects.filter(pk__in=run_ids, file_path__in=by_path)
    hashes = {
        _hash_file(by_path[file_path], check_cancelled)
        for file_path in runs.values_list("file_path", flat=True).distinct()
    }
    return _filter_complete_runs(filter(None, hashes)).filter(pk__in=run_ids).count() == len(run_ids)


@contextlib.contextmanager
def _suppress_refusal() -> Iterator[None]:
    """Ingesting the file reports its error."""
    try:
        yield
    except Interrupted:
        raise
    except IngestError:
        return


def _hash_file(path: Path, check_cancelled: Callable[[], None]) -> str | None:
    with _suppress_refusal(), SourceFile(path, check_cancelled) as source:
        source.finish()
        return source.sha256
    return None
