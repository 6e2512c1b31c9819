"""Which file may go next, where several are taken at a time: files of one series follow one another in their order.

Locks alone would keep them apart, but not in order; and where two files have different values for a minute, it is the
later file's that stay.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

# How far to look past files that must wait, so that a folder of a thousand files of one series is not read up to its
# end each time.
LOOK_AHEAD = 64


class Schedule:
    """The files that are left, in order, and those that are being taken. `series_of(path)` names the series that a file
    may belong to, or None for any; it is asked once."""

    def __init__(self, paths: list[Path], series_of: Callable[[Path], frozenset[str] | None]) -> None:
        self._waiting = list(paths)
        self._ask = series_of
        self._series: dict[Path, frozenset[str] | None] = {}
        self._taken: dict[Path, frozenset[str] | None] = {}

    @property
    def waiting(self) -> list[Path]:
        return list(self._waiting)

    def take(self) -> Path | None:
        """The next file that shares no series with one being taken, or with one before it that has to wait; None where
        each has to."""
        path = next(self._free(), None)
        return path if path is None else self._begin(path)

    def take_alone(self) -> Path | None:
        """The next file, if no other could be taken beside it; else None, and none is begun."""
        free = list(itertools.islice(self._free(), 2))
        return self._begin(free[0]) if len(free) == 1 else None

    def _free(self) -> Iterator[Path]:
        """The files that may be taken now, one beside the other."""
        if None in self._taken.values():
            return
        busy = set().union(*self._taken.values())
        for position, path in enumerate(self._waiting[:LOOK_AHEAD]):
            series = self._series_of(path)
            if series is None:
                if not self._taken and not position:
                    yield path
                return
            if busy.isdisjoint(series):
                yield path
            busy |= series

    def _begin(self, path: Path) -> Path:
        self._waiting.remove(path)
        self._taken[path] = self._series[path]
        return path

    def end(self, path: Path) -> None:
        """The file is not being taken any more."""
        del self._taken[path], self._series[path]

    def _series_of(self, path: Path) -> frozenset[str] | None:
        if path not in self._series:
            self._series[path] = self._ask(path)
        return self._series[path]
