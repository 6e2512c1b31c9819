"""What loading a file did, and what it would do: one type for both."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from marketdata.models import IngestRun


@dataclass(frozen=True)
class FileResult:
    """What a load did with a file, or what it would do by its preview.

    The fields have the names of `IngestRun`'s; times are UTC. `notes` are sentences for the user.
    """

    symbols: tuple[str, ...]
    dataset: str
    file_sha256: str
    row_count: int
    inserted_count: int
    updated_count: int
    changed_count: int
    duplicate_count: int
    removed_count: int
    withdrawn_count: int
    gap_count: int
    min_ts: datetime
    max_ts: datetime
    notes: tuple[str, ...] = ()

    def to_run_fields(self) -> dict[str, object]:
        """The fields of `IngestRun` that record the result. Notes are not recorded."""
        fields = asdict(self)
        del fields["notes"]
        return fields | {"symbols": list(self.symbols)}


@dataclass(frozen=True)
class LoadedFile:
    """A file that was loaded: its run, `success` and committed, and the result."""

    run: IngestRun
    result: FileResult
