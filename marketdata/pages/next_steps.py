"""What a person does next about a run: the same command again, as it would be typed."""

from __future__ import annotations

import shlex

from marketdata.command_line import manage
from marketdata.models import IngestRun, Series


def retry_command(run: IngestRun, *, dry_run: bool = False) -> str:
    """The command line that does what the run was asked to do, quoted for a shell."""
    if run.undoes_id:
        return f"{manage()} undo_run {run.undoes_id}{' --dry-run' if dry_run else ''}"
    words = [*manage().split(), "ingest_dbn", "--input", run.file_path]
    words += _option("--symbol", run.requested_symbol)
    words += _option("--limit", run.row_limit)
    words += _option("--publisher", run.publisher_id)
    if run.replace_instrument:
        words.append("--replace-instrument")
    if dry_run:
        words.append("--dry-run")
    return shlex.join(words)


def ingest_command(series: Series) -> str:
    """The command line that loads a file into the series, whatever the file's own symbol."""
    return f"{manage()} ingest_dbn --input FILE {shlex.join(_option('--symbol', series.symbol))}"


def _option(name: str, value: str | int | None) -> list[str]:
    if value in ("", None):
        return []
    text = str(value)
    return [f"{name}={text}"] if text.startswith("-") else [name, text]


def outcome(run: IngestRun) -> str:
    """One sentence that says what the run did to the table."""
    if run.undoes_id:
        return _outcome_of_undo(run)
    match run.status:
        case IngestRun.Status.FAILED:
            return "Nothing of this file was stored. The table is as it was before."
        case IngestRun.Status.RUNNING:
            return "Not finished. Nothing of this file is in the table until it is."
    if run.inserted_count == 0 and run.changed_count == 0 and run.removed_count == 0:
        return f"All {run.updated_count:,} bars were there already, with the same values. Nothing changed."
    parts = [
        (run.inserted_count, "inserted"),
        (run.changed_count, "given new values"),
        (run.updated_count - run.changed_count, "there already, left alone"),
        (run.removed_count, "of another instrument removed"),
    ]
    return f"Bars: {'; '.join(f'{count:,} {word}' for count, word in parts if count)}."


def _outcome_of_undo(run: IngestRun) -> str:
    if run.status != IngestRun.Status.SUCCESS:
        return f"An undo of run {run.undoes_id}. Nothing of it is in the table unless it succeeds."
    parts = [
        (run.removed_count, "removed"),
        (run.changed_count, "given their old values"),
        (run.inserted_count, "there again"),
        (run.left_count, "left, since later runs had changed them"),
    ]
    bars = "; ".join(f"{count:,} {word}" for count, word in parts if count) or "none"
    return f"Took run {run.undoes_id} back. Bars: {bars}."
