"""Batches of records in file order: selected by publisher, limited in number, aligned to minutes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingestion.errors import InvalidBars

# Bounds the memory of a minute, which is kept in one batch. All of OPRA has fewer instruments with bars in a minute.
MAX_ROWS_PER_MINUTE = 1 << 19


@dataclass(frozen=True)
class RecordBatch:
    """Rows of a file in its order. `records`: shape (n,) of `DbnMetadata.record`; `rows`: their numbers from 1."""

    records: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, which: slice | np.ndarray) -> RecordBatch:
        return RecordBatch(self.records[which], self.rows[which])


def filter_publisher(batches: Iterator[RecordBatch], publisher_id: int) -> Iterator[RecordBatch]:
    """The rows of one publisher."""
    for batch in batches:
        yield batch[batch.records["publisher_id"] == publisher_id]


def limit_rows(batches: Iterator[RecordBatch], limit: int) -> Iterator[RecordBatch]:
    """The first `limit` rows. The rest is still decoded, so that a damaged file is refused."""
    for batch in batches:
        if limit > 0:
            yield batch[:limit]
        limit -= len(batch)


def align_to_minutes(batches: Iterator[RecordBatch], path: Path) -> Iterator[RecordBatch]:
    """The same rows in batches that end with a minute: all rows of a minute share a batch, if times never decrease.

    Raises `InvalidBars` for a minute of more than `MAX_ROWS_PER_MINUTE` rows.
    """
    open_minute: list[RecordBatch] = []  # the next batch may continue it
    for batch in batches:
        if not len(batch):
            continue
        times = batch.records["ts_event"]
        other_minutes = np.flatnonzero(times != times[-1])
        cut = other_minutes[-1] + 1 if len(other_minutes) else 0
        if cut or (open_minute and open_minute[0].records["ts_event"][0] != times[0]):
            yield _join_batches([*open_minute, batch[:cut]])
            open_minute = []
        open_minute.append(batch[cut:])
        _refuse_crowded_minute(open_minute, path)
    if open_minute:
        yield _join_batches(open_minute)


def _join_batches(batches: list[RecordBatch]) -> RecordBatch:
    if len(batches) == 1:
        return batches[0]
    return RecordBatch(
        np.concatenate([batch.records for batch in batches]), np.concatenate([batch.rows for batch in batches])
    )


def _refuse_crowded_minute(minute: list[RecordBatch], path: Path) -> None:
    if sum(map(len, minute)) > MAX_ROWS_PER_MINUTE:
        row = int(minute[0].rows[0])
        raise InvalidBars(
            f"{path}, row {row:,}: this minute has more than {MAX_ROWS_PER_MINUTE:,} rows, more than any "
            "market has instruments: download fewer symbols into one file, or download the file again.",
            path=path,
            row=row,
        )
