"""The order of a parallel batch: files of one series run one after another, in the order of the batch.

Locks alone would separate them but not keep their order. Where two files differ in a bar, the later file's value must
be the one that is stored.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

# Files searched for one that can run. Without a limit, each search would open every file of a folder of one series.
LOOK_AHEAD = 64


class Schedule:
    """The waiting and the running files of a batch.

    `find_series(path)` returns the series that a file may write to, or None if it may be any; it is called once a file.
    """

    def __init__(self, paths: list[Path], find_series: Callable[[Path], frozenset[str] | None]) -> None:
        self._waiting = list(paths)
        self._find_series = find_series
        self._series: dict[Path, frozenset[str] | None] = {}
        self._running: dict[Path, frozenset[str] | None] = {}

    @property
    def waiting(self) -> list[Path]:
        return list(self._waiting)

    def start_next(self) -> Path | None:
        """Start the next file that shares no series with a running file or with an earlier waiting file. None if there
        is no such file."""
        path = next(self._find_startable(), None)
        return path if path is None else self._start(path)

    def start_only(self) -> Path | None:
        """Start the next file if no other file could run in parallel with it. Else start none and return None."""
        startable = list(itertools.islice(self._find_startable(), 2))
        return self._start(startable[0]) if len(startable) == 1 else None

    def finish(self, path: Path) -> None:
        """The file has ended: files of its series may start."""
        del self._running[path], self._series[path]

    def _find_startable(self) -> Iterator[Path]:
        """The files that could start now, all of them in parallel."""
        if None in self._running.values():
            return
        busy = {slug for slugs in self._running.values() for slug in slugs or ()}
        for position, path in enumerate(self._waiting[:LOOK_AHEAD]):
            series = self._get_series(path)
            if series is None:
                if not self._running and not position:
                    yield path
                return
            if busy.isdisjoint(series):
                yield path
            busy |= series

    def _start(self, path: Path) -> Path:
        self._waiting.remove(path)
        self._running[path] = self._series[path]
        return path

    def _get_series(self, path: Path) -> frozenset[str] | None:
        if path not in self._series:
            self._series[path] = self._find_series(path)
        return self._series[path]
