"""Batches of records in file order, and the filters that apply to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingestion.errors import InvalidBars

MOST_IN_A_MINUTE = 1 << 19  # rows that are looked at together: all of OPRA trades fewer instruments in a minute


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file, in its order: shape (n,) of `FileFacts.record`, and their row numbers, the first being 1."""

    records: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, which: slice | np.ndarray) -> Chunk:
        return Chunk(self.records[which], self.rows[which])


def of_publisher(chunks: Iterator[Chunk], publisher_id: int) -> Iterator[Chunk]:
    """Only the rows of one publisher."""
    for chunk in chunks:
        yield chunk[chunk.records["publisher_id"] == publisher_id]


def first_rows(chunks: Iterator[Chunk], limit: int) -> Iterator[Chunk]:
    """Only the first `limit` rows. What lies behind them is decoded all the same: a damaged file is refused."""
    for chunk in chunks:
        if limit > 0:
            yield chunk[:limit]
        limit -= len(chunk)


def whole_minutes(chunks: Iterator[Chunk], path: Path) -> Iterator[Chunk]:
    """The same rows, cut between minutes: all rows of a minute come together, as long as time does not run back.

    Raises `InvalidBars` for more rows of one minute than memory should hold.
    """
    held: list[Chunk] = []  # rows of one minute, which may go on
    for chunk in chunks:
        if not len(chunk):
            continue
        times = chunk.records["ts_event"]
        others = np.flatnonzero(times != times[-1])
        cut = others[-1] + 1 if len(others) else 0
        if cut or (held and held[0].records["ts_event"][0] != times[0]):
            yield _joined([*held, chunk[:cut]])
            held = []
        held.append(chunk[cut:])
        _refuse_crowd(held, path)
    if held:
        yield _joined(held)


def _joined(chunks: list[Chunk]) -> Chunk:
    if len(chunks) == 1:
        return chunks[0]
    return Chunk(np.concatenate([one.records for one in chunks]), np.concatenate([one.rows for one in chunks]))


def _refuse_crowd(minute: list[Chunk], path: Path) -> None:
    if sum(map(len, minute)) > MOST_IN_A_MINUTE:
        raise InvalidBars(
            f"{path}, row {minute[0].rows[0]:,}: this minute has more than {MOST_IN_A_MINUTE:,} rows, which no market "
            "fills: download fewer symbols into a file, or the file again."
        )
