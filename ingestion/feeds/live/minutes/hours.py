"""When the exchange is open, as the main thread stated it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from ingestion.feeds.live.messages import Minutes
from ingestion.feeds.live.minutes.clock import MINUTE


class OpenHours:
    """Half-open ranges in ns, in time order, disjoint."""

    def __init__(self, ranges: Sequence[Minutes]) -> None:
        self._ranges = sorted(ranges)
        self._starts = [start for start, _ in self._ranges]

    def find_open(self, ns: int) -> int | None:
        """Since when the exchange is open at a time; None if it is closed."""
        index = bisect_right(self._starts, ns) - 1
        if index < 0 or ns >= self._ranges[index][1]:
            return None
        return self._starts[index]

    def list_minutes(self, start: int, end: int) -> Iterator[int]:
        """The open minutes in [start, end), which are full minutes."""
        first = max(0, bisect_right(self._starts, start) - 1)
        for opens, closes in self._ranges[first:]:
            if opens >= end:
                return
            yield from range(max(start, opens), min(end, closes), MINUTE)
