"""An observer for the command line: a progress bar on a terminal, log lines with --verbose, notes for the summary."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from ingestion.observer import Observer
from ingestion.stop import StopSwitch


class ConsoleObserver(Observer):
    """Everything it shows goes to standard error, so that standard output holds the result alone."""

    def __init__(self, *, switch: StopSwitch, verbose: bool, show_progress: bool) -> None:
        self._switch = switch
        self._verbose = verbose
        self._progress = _progress_bar() if show_progress else None
        self._task = None
        self._started = time.perf_counter()
        self.notes: list[str] = []

    def __enter__(self) -> ConsoleObserver:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.end_file()

    def start_file(self, path: Path, size: int) -> None:
        self.notes = []
        self._started = time.perf_counter()
        self._log(f"Reading {path} ({size:,} bytes)")
        if self._progress is not None:
            self._progress.start()
            self._task = self._progress.add_task(path.name, total=size)

    def read_up_to(self, position: int) -> None:
        if self._progress is not None:
            self._progress.update(self._task, completed=position)
        self._log(f"Staged up to byte {position:,}")

    def step(self, name: str) -> None:
        self._log(name)
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, description=name)

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)

    def check(self) -> None:
        self._switch.check()

    def end_file(self) -> None:
        """Clear the bar away, before the file's result is printed."""
        if self._progress is not None and self._task is not None:
            self._progress.stop()
            self._progress.remove_task(self._task)
            self._task = None

    def _log(self, line: str) -> None:
        if self._verbose:
            print(f"{time.perf_counter() - self._started:8.3f} s  {line}", file=sys.stderr)  # noqa: T201


def _progress_bar():
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
