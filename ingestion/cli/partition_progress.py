"""The progress of partition_bars: bars a second and the time left, too."""

from __future__ import annotations

import time

from ingestion.cancellation import CancellationToken
from ingestion.cli.moving_progress import MovingProgress
from ingestion.errors import PartitioningInterrupted


class PartitionProgress(MovingProgress):
    """Counts the bars that are copied. The first position is what an earlier call has copied."""

    interruption = PartitioningInterrupted

    def __init__(self, token: CancellationToken, *, verbose: bool) -> None:
        super().__init__(token, verbose=verbose)
        self._total = self._rate = 0
        self._first: tuple[float, int] | None = None
        self._name = ""

    def start_moving(self, count: int) -> None:
        self._total = count
        super().start_moving(count)

    def advance_to(self, position: int) -> None:
        now = time.perf_counter()
        if self._first is None:
            self._first = (now, position)
        elif now > self._first[0]:
            self._rate = round((position - self._first[1]) / (now - self._first[0]))
        super().advance_to(position)
        self._describe_rate()

    def format_position(self, position: int) -> str:
        line = f"Copied {position:,} of {self._total:,} bars"
        if not self._rate:
            return line
        return f"{line}, {self._rate:,} bars/s, {max(self._total - position, 0) / self._rate:.0f} s left"

    def step(self, name: str) -> None:
        self._name = name
        super().step(name)
        self._describe_rate()

    def _describe_rate(self) -> None:
        if self._rate:
            self._describe(f"{self._name}, {self._rate:,} bars/s")
