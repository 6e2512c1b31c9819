"""What a run did, and the command that repeats it."""

from __future__ import annotations

import shlex
from dataclasses import replace

from ingestion.options import IngestOptions
from marketdata.command_line import manage
from marketdata.formatting import format_count
from marketdata.models import IngestRun, Series

_MAX_REQUESTED = 10


def build_retry_command(run: IngestRun, *, dry_run: bool = False, remove_withdrawn: bool = False) -> str:
    """The command line that repeats the run with its options, and these two, quoted for a shell."""
    if run.undoes_id:
        arguments = ["undo_run", str(run.undoes_id)]
    elif run.kind == IngestRun.Kind.SPLIT:
        arguments = ["split_contracts", *_request_series(run)]
    else:
        options = IngestOptions.from_run(run)
        if remove_withdrawn:
            options = replace(options, remove_withdrawn=True)
        arguments = ["ingest_dbn", "--input", run.file_path, *options.to_arguments()]
    return shlex.join([*manage().split(), *arguments, *(["--dry-run"] if dry_run else [])])


def build_undo_command(run: IngestRun, *, dry_run: bool = False) -> str:
    """The command line that undoes the run."""
    return shlex.join([*manage().split(), "undo_run", str(run.pk), *(["--dry-run"] if dry_run else [])])


def describe_outcome(run: IngestRun) -> str:
    """One or two sentences on what the run did to the stored bars."""
    if run.undoes_id:
        return _describe_undo(run)
    if run.kind == IngestRun.Kind.SPLIT:
        return _describe_split(run)
    match run.status:
        case IngestRun.Status.FAILED:
            return "Nothing of this file was stored. The bars are as they were before."
        case IngestRun.Status.RUNNING:
            return "Not finished. Nothing of this file is stored until it is."
    if run.inserted_count == 0 and run.changed_count == 0 and run.removed_count == 0:
        nothing = f"All {run.updated_count:,} bars were already stored with the same values. Nothing changed."
        return f"{nothing} {_describe_withdrawn(run)}".rstrip()
    counts = _format_counts(
        [
            (run.inserted_count, "inserted"),
            (run.changed_count, "corrected"),
            (run.updated_count - run.changed_count, "already stored, unchanged"),
            (run.removed_count, "removed" if run.withdrawn_count else "of the replaced instrument removed"),
        ]
    )
    return f"Bars: {counts}. {_describe_withdrawn(run)}".rstrip()


def _describe_withdrawn(run: IngestRun) -> str:
    if not run.withdrawn_count:
        return ""
    return f"The table had {format_count(run.withdrawn_count, 'bar')} in the file’s range that the file does not have."


def _describe_undo(run: IngestRun) -> str:
    if run.status != IngestRun.Status.SUCCESS:
        return f"An undo of run {run.undoes_id}. It changes nothing unless it succeeds."
    if run.moves is not None:
        return f"The split of run {run.undoes_id} is undone. {_format_moved(run)} back to their earlier series."
    counts = _format_counts(
        [
            (run.removed_count, "removed"),
            (run.changed_count, "changed back to their old values"),
            (run.inserted_count, "restored"),
            (run.left_count, "skipped, because later runs changed them"),
        ]
    )
    return f"Run {run.undoes_id} is undone. Bars: {counts or 'none'}."


def _describe_split(run: IngestRun) -> str:
    match run.status:
        case IngestRun.Status.FAILED:
            return "No bar was moved. The series are as they were before."
        case IngestRun.Status.RUNNING:
            return "Not finished. No bar is moved until it is."
    sources = {move["from"] for move in run.moves or []}
    targets = {move["to"] for move in run.moves or []}
    return (
        f"{_format_moved(run)} from {len(sources):,} series, named by raw symbols, to {len(targets):,} series of their "
        "contracts. Their values, and the runs that stored them, are the same."
    )


def _format_moved(run: IngestRun) -> str:
    return f"{format_count(run.changed_count, 'bar')} moved"


def _request_series(run: IngestRun) -> list[str]:
    """The option for the series that the run was to split; none for many, which are all that there were."""
    symbols = {move["from"] for move in run.moves} if run.moves else set(run.symbols)
    stored = Series.objects.filter(symbol__in=symbols).order_by("slug").values_list("slug", flat=True)
    slugs = [*stored[: _MAX_REQUESTED + 1]]
    return ["--series", *slugs] if 0 < len(slugs) <= _MAX_REQUESTED else []


def _format_counts(counts: list[tuple[int, str]]) -> str:
    return "; ".join(f"{count:,} {label}" for count, label in counts if count)
