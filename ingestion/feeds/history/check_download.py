"""Whether a file is whole, and what was requested: compressed data with its end, metadata of the request, its records.

Whole compressed frames can be lacking from the end of a file without a trace in it. Only the number of records that the
vendor counted shows that, so it is compared by what calls this.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from ingestion.dbn.metadata import DbnMetadata
from ingestion.dbn.records import RecordReader
from ingestion.dbn.source import SourceFile
from ingestion.errors import IngestError, Interrupted, RunCancelled, refuse_failures
from ingestion.feeds.asks import Ask
from ingestion.feeds.errors import BrokenDownload
from ingestion.progress import Progress


@dataclass(frozen=True)
class CheckedFile:
    """A whole file: its records, its bytes, and the SHA-256 of those bytes in hex."""

    records: int
    size: int
    sha256: str


def check_download(path: Path, ask: Ask, progress: Progress) -> CheckedFile:
    """Read the file once, in memory that does not grow with it.

    Raises `BrokenDownload` for a file that is damaged, cut, or not what was requested.
    """
    try:
        with refuse_failures(path), SourceFile(path, progress.raise_if_cancelled) as source:
            reader = RecordReader(source)
            _check_metadata(reader.metadata, ask)
            records = sum(_check_times(batch.records, ask) for batch in reader.read_batches())
            source.finish()
            return CheckedFile(records=records, size=source.size, sha256=source.sha256)
    except (BrokenDownload, Interrupted, RunCancelled):
        raise
    except IngestError as error:
        raise BrokenDownload(f"What arrived for {ask} is not whole: {error}") from error


def _check_metadata(metadata: DbnMetadata, ask: Ask) -> None:
    stated = {
        "dataset": (metadata.dataset, ask.dataset),
        "symbols": (", ".join(metadata.symbols).upper(), ask.symbol.strip().upper()),
        "stype": (metadata.stype_in, ask.stype),
        "limit": (metadata.limit or None, None),
    }
    for name, (found, wanted) in stated.items():
        if found != wanted:
            raise _differ(ask, f"its {name} is {found}, not {wanted}")
    start, end = metadata.start, metadata.end
    if (start is not None and start > _to_nanoseconds(ask.start)) or (
        end is not None and end < _to_nanoseconds(ask.end)
    ):
        first, last = metadata.time_range
        raise _differ(ask, f"it has the range {first} to {last}")


def _check_times(records: np.ndarray, ask: Ask) -> int:
    """The number of records, all of which must be in the requested range."""
    times = records["ts_event"]
    if times.min() < _to_nanoseconds(ask.start) or times.max() >= _to_nanoseconds(ask.end):
        raise _differ(ask, "it has bars outside the range")
    return len(records)


def _to_nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 10**9


def _differ(ask: Ask, how: str) -> BrokenDownload:
    return BrokenDownload(
        f"What arrived for {ask} is not what was requested ({how}), so it was not loaded: report this to Databento."
    )
