"""Standard output and standard error of the commands: results on the one, errors and log lines on the other."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import assert_never

from django.core.management.base import OutputWrapper

from ingestion.batch.files import InputFiles
from ingestion.batch.outcomes import Failed, FileOutcome, Loaded, Previewed, Skipped, ends_batch
from ingestion.cli import report
from ingestion.dbn.text import to_printable
from ingestion.errors import Interrupted
from marketdata.formatting import escape_controls


def replace_unencodable_characters() -> None:
    """Print "?" for characters that the terminal's encoding lacks, such as ✅. An encoding error would make a finished
    run look failed."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def print_log_line(line: str, *, started: float) -> None:
    """Print a line to standard error, after the seconds since `started` (of `time.perf_counter`)."""
    print(escape_controls(f"{time.perf_counter() - started:8.3f} s  {line}"), file=sys.stderr)  # noqa: T201


def print_wait(holder: str, *, name: str = "") -> None:
    """Print a line to standard error: for which run or session this one waits. `name`: the file, one of several."""
    print(f"{f'{name}: ' if name else ''}Waiting for {to_printable(holder)}", file=sys.stderr)  # noqa: T201


@dataclass(frozen=True)
class BatchFailure:
    """The error and the exit code with which a batch ends."""

    message: str
    exit_code: int


class BatchOutput:
    """Prints the outcomes of a batch, as text or as one JSON object."""

    def __init__(
        self, stdout: OutputWrapper, stderr: OutputWrapper, *, files: InputFiles, dry_run: bool, as_json: bool
    ) -> None:
        self._stdout, self._stderr = stdout, stderr
        self._paths, self._notes, self._dry_run, self._as_json = files.paths, files.notes, dry_run, as_json
        self._is_single = len(files.paths) == 1

    def print_outcomes(self, outcomes: Generator[FileOutcome, None, None]) -> list[FileOutcome]:
        """Print each outcome when its file ends, and return them all. If printing fails, the batch is stopped."""
        printed: list[FileOutcome] = []
        with contextlib.closing(outcomes):
            for outcome in outcomes:
                printed.append(outcome)
                self._print_outcome(outcome)
                self._stdout.flush()
        return printed

    def print_closing(self, outcomes: list[FileOutcome]) -> None:
        """Print the JSON object; or the notes, and for several files the line that counts them."""
        if self._as_json:
            positions = {path: position for position, path in enumerate(self._paths)}
            ordered = sorted(outcomes, key=lambda outcome: positions[outcome.path])
            self._stdout.write(json.dumps(report.serialize_outcomes(ordered, self._notes, dry_run=self._dry_run)))
            return
        for note in self._notes:
            self._stdout.write(note)
        if not self._is_single:
            self._stdout.write(report.format_closing_line(outcomes, not_reached=len(self._paths) - len(outcomes)))

    def find_failure(self, outcomes: list[FileOutcome]) -> BatchFailure | None:
        """Return None if no file failed. The message is that of the file if it is the only one or ended the batch."""
        failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
        if not failed:
            return None
        last = max(failed, key=ends_batch)
        is_own = self._is_single or ends_batch(last)
        return BatchFailure(
            message=str(last.error) if is_own else f"{len(failed):,} of {len(outcomes):,} files failed.",
            exit_code=last.error.exit_code if isinstance(last.error, Interrupted) else 1,
        )

    def _print_outcome(self, outcome: FileOutcome) -> None:
        path = None if self._is_single else outcome.path
        match outcome:
            case Failed(error=error):
                if not self._is_single and not ends_batch(outcome):  # else find_failure() returns it
                    self._stderr.write(f"❌ {error}")
            case _ if self._as_json:
                pass  # print_closing() prints it
            case Skipped():
                self._stdout.write(f"Skipped: {outcome.path} {outcome.note}")
            case Previewed(result=result):
                self._stdout.write(report.format_preview(result, path=path))
            case Loaded():
                self._stdout.write(report.format_loaded(outcome, path=path))
            case _:
                assert_never(outcome)
