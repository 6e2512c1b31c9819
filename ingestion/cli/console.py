"""Observers for the command line: a progress bar on a terminal, log lines with --verbose.

Everything goes to standard error, so that standard output holds the result alone.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.cancellation import CancellationToken
from ingestion.progress import Progress

if TYPE_CHECKING:
    from rich.live import Live
    from rich.progress import Progress as RichProgress


class Console:
    """One display for all files that are on their way in, however many at a time."""

    def __init__(self, *, token: CancellationToken, verbose: bool, show_progress: bool, file_count: int) -> None:
        self.token = token
        self.verbose = verbose
        self.progress = _progress_bars() if show_progress else None
        self.several = file_count > 1
        self._files = None
        if self.progress is not None and self.several:
            self._files = self.progress.add_task(f"{file_count:,} files", total=file_count)

    def new_progress(self) -> ConsoleProgress:
        """For one file after the other. Files at a time have one each."""
        return ConsoleProgress(self)

    def end_file(self, task: int | None) -> None:
        """Clear the display away before the file's result is printed; the next step of any file brings it back."""
        if self.progress is not None:
            self.progress.stop()
            # A display that was stopped remembers how high it was, and would come back over what is printed meanwhile.
            self.progress.live = _display(self.progress)
            if task is not None:
                self.progress.remove_task(task)
            if self._files is not None:
                self.progress.advance(self._files)


class ConsoleProgress(Progress):
    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._name = ""
        self._task: int | None = None
        self._started = time.perf_counter()

    def start_file(self, path: Path, size: int) -> None:
        self._name = path.name
        self._started = time.perf_counter()
        self._log(f"Reading {path} ({size:,} bytes)")
        if (progress := self._console.progress) is not None:
            progress.start()
            self._task = progress.add_task(_shortened(path.name), total=size)

    def advance_to(self, position: int) -> None:
        self._log(f"Taken up to byte {position:,}")
        self._show(completed=position)

    def step(self, name: str) -> None:
        self._log(name)
        self._show(description=f"{_shortened(self._name)}: {name}")

    def raise_if_cancelled(self) -> None:
        self._console.token.raise_if_cancelled()

    def end_file(self) -> None:
        self._console.end_file(self._task)
        self._task = None

    def _show(self, **changes: object) -> None:
        if self._task is not None:
            self._console.progress.start()
            self._console.progress.update(self._task, **changes)

    def _log(self, line: str) -> None:
        if self._console.verbose:
            name = f"{self._name}: " if self._console.several else ""
            print(f"{time.perf_counter() - self._started:8.3f} s  {name}{line}", file=sys.stderr)  # noqa: T201


def _shortened(name: str) -> str:
    """So that there is room for the bar, and for the step behind the name."""
    most = max(20, shutil.get_terminal_size().columns // 3)
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _display(progress: RichProgress) -> Live:
    from rich.live import Live

    return Live(console=progress.console, transient=True, get_renderable=progress.get_renderable)


def _progress_bars() -> RichProgress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
