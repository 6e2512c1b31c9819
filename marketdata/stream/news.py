"""Which runs have committed since the last look."""

from __future__ import annotations

from collections.abc import Collection

from marketdata.stream.position import FinishedRun, Position, find_finished, read_finished, read_position

# Of the runs that finished after the horizon, so many are remembered: they are found again until it passes them.
_MAX_KNOWN = 10_000
MAX_RUNS = 2_000


class News:
    """The runs after a position, each of them once. Belongs to one thread."""

    def __init__(self) -> None:
        self.position = read_position()
        self._known: dict[int, None] = {}

    def read(self, notified: Collection[int]) -> tuple[list[FinishedRun], Position, bool]:
        """The runs that finished since the last `accept`, the position after them, and whether these are all of them.

        The runs that were `notified` are read even if the clock of the database was set back.
        """
        after = read_position()
        found = find_finished(self.position, limit=MAX_RUNS + 1)
        found += read_finished(set(notified) - {run.id for run in found})
        news = [run for run in found if run.id not in self._known]
        position = Position(max(self.position.horizon, after.horizon), after.lowest_run)
        return news, position, len(found) <= MAX_RUNS

    def accept(self, runs: Collection[FinishedRun], position: Position) -> None:
        """All clients have these runs: the next `read` begins here."""
        self.position = position
        self._known |= dict.fromkeys(run.id for run in runs)
        for number in list(self._known)[: max(0, len(self._known) - _MAX_KNOWN)]:
            del self._known[number]
