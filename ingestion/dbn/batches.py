"""Batches of records in file order, and the filters that apply to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingestion.errors import InvalidBars

MAX_ROWS_PER_MINUTE = 1 << 19  # rows that are looked at together: all of OPRA trades fewer instruments in a minute


@dataclass(frozen=True)
class RecordBatch:
    """Some rows of a file, in its order: shape (n,) of `FileFacts.record`, and their row numbers, the first being 1."""

    records: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, which: slice | np.ndarray) -> RecordBatch:
        return RecordBatch(self.records[which], self.rows[which])


def filter_publisher(batches: Iterator[RecordBatch], publisher_id: int) -> Iterator[RecordBatch]:
    """Only the rows of one publisher."""
    for batch in batches:
        yield batch[batch.records["publisher_id"] == publisher_id]


def limit_rows(batches: Iterator[RecordBatch], limit: int) -> Iterator[RecordBatch]:
    """Only the first `limit` rows. What lies behind them is decoded all the same: a damaged file is refused."""
    for batch in batches:
        if limit > 0:
            yield batch[:limit]
        limit -= len(batch)


def align_to_minutes(batches: Iterator[RecordBatch], path: Path) -> Iterator[RecordBatch]:
    """The same rows, cut between minutes: all rows of a minute come together, as long as time does not run back.

    Raises `InvalidBars` for more rows of one minute than memory should hold.
    """
    held: list[RecordBatch] = []  # rows of one minute, which may go on
    for batch in batches:
        if not len(batch):
            continue
        times = batch.records["ts_event"]
        others = np.flatnonzero(times != times[-1])
        cut = others[-1] + 1 if len(others) else 0
        if cut or (held and held[0].records["ts_event"][0] != times[0]):
            yield _joined([*held, batch[:cut]])
            held = []
        held.append(batch[cut:])
        _refuse_crowded_minute(held, path)
    if held:
        yield _joined(held)


def _joined(batches: list[RecordBatch]) -> RecordBatch:
    if len(batches) == 1:
        return batches[0]
    return RecordBatch(np.concatenate([one.records for one in batches]), np.concatenate([one.rows for one in batches]))


def _refuse_crowded_minute(minute: list[RecordBatch], path: Path) -> None:
    if sum(map(len, minute)) > MAX_ROWS_PER_MINUTE:
        raise InvalidBars(
            f"{path}, row {minute[0].rows[0]:,}: this minute has more than {MAX_ROWS_PER_MINUTE:,} rows, which no "
            "market fills: download fewer symbols into a file, or the file again."
        )
