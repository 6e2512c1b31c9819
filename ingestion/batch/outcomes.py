"""How a file of a batch ended: one class for each way. A worker process sends them to its parent, so they pickle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingestion.errors import DatabaseUnavailable, IngestError, Interrupted
from ingestion.results import FileResult


@dataclass(frozen=True)
class Loaded:
    """The run `run_id` loaded the file, in `seconds`, and is committed."""

    path: Path
    run_id: int
    seconds: float
    result: FileResult


@dataclass(frozen=True)
class Previewed:
    """A dry run: nothing was written."""

    path: Path
    result: FileResult


@dataclass(frozen=True)
class Skipped:
    """The file was not loaded. The run `run_id` loaded the same content before; None if there is another reason.

    `reason` continues a sentence that begins with the path; empty: the file is already loaded.
    """

    path: Path
    run_id: int | None
    reason: str = ""

    @property
    def note(self) -> str:
        """A sentence without the path."""
        return f"{self.reason or f'is already loaded (run {self.run_id})'}."


@dataclass(frozen=True)
class Failed:
    """Nothing of the file was stored, unless the error leaves that open."""

    path: Path
    error: IngestError


FileOutcome = Loaded | Previewed | Skipped | Failed


def ends_batch(outcome: FileOutcome) -> bool:
    """Whether the batch stops here: the files after it would fail in the same way."""
    match outcome:
        case Failed(error=Interrupted() | DatabaseUnavailable()):
            return True
        case _:
            return False
