"""Progress on the command line: bars on a terminal, log lines with --verbose.

Everything is printed to standard error, so that standard output holds only the result.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.cancellation import CancellationToken
from ingestion.cli.output import print_log_line, print_wait
from ingestion.progress import Progress
from marketdata.formatting import escape_controls

if TYPE_CHECKING:
    from rich.live import Live
    from rich.progress import Progress as ProgressBars
    from rich.progress import TaskID


class Console:
    """The display of a batch: one bar per running file and, for several files, one that counts them."""

    def __init__(self, *, token: CancellationToken, verbose: bool, file_count: int) -> None:
        self.token = token
        self.verbose = verbose
        self.bars = create_bars() if sys.stderr.isatty() and not verbose else None
        self.has_several_files = file_count > 1
        self._file_count_task: TaskID | None = None
        if self.bars is not None and self.has_several_files:
            self._file_count_task = self.bars.add_task(f"{file_count:,} files", total=file_count)

    def create_progress(self) -> ConsoleProgress:
        """The progress of one job. It shows one file after another."""
        return ConsoleProgress(self)

    def end_file(self, task: TaskID | None) -> None:
        """Clear the display before the file's result is printed. The next step of any file shows it again."""
        if self.bars is not None:
            self.bars.stop()
            # A stopped display keeps its height, and would be drawn over what is printed meanwhile.
            self.bars.live = _create_display(self.bars)
            if task is not None:
                self.bars.remove_task(task)
            if self._file_count_task is not None:
                self.bars.advance(self._file_count_task)


class ConsoleProgress(Progress):
    def __init__(self, console: Console) -> None:
        self._console = console
        self._name = ""
        self._task: TaskID | None = None
        self._started = time.perf_counter()

    def start_file(self, path: Path, size: int) -> None:
        self._name = path.name
        self._started = time.perf_counter()
        self._log(f"Reading {path} ({size:,} bytes)")
        if (bars := self._console.bars) is not None:
            bars.start()
            self._task = bars.add_task(shorten_name(path.name), total=size)

    def advance_to(self, position: int) -> None:
        self._log(f"Read up to byte {position:,}")
        self._update(completed=position)

    def step(self, name: str) -> None:
        self._log(name)
        self._update(description=f"{shorten_name(self._name)}: {name}")

    def wait_for(self, holder: str) -> None:
        if self._console.bars is not None:
            self._update(description=f"{shorten_name(self._name)}: waiting for {holder}")
        else:
            print_wait(holder, name=self._name if self._console.has_several_files else "")

    def raise_if_cancelled(self) -> None:
        self._console.token.raise_if_cancelled()

    def end_file(self) -> None:
        self._console.end_file(self._task)
        self._task = None

    def _update(self, **changes: Any) -> None:
        bars = self._console.bars
        if bars is not None and self._task is not None:
            bars.start()
            bars.update(self._task, **changes)

    def _log(self, line: str) -> None:
        if self._console.verbose:
            name = f"{self._name}: " if self._console.has_several_files else ""
            print_log_line(f"{name}{line}", started=self._started)


def shorten_name(name: str) -> str:
    """Cut a file name to a third of the terminal's width, which leaves room for the step and the bar.

    Control characters are escaped.
    """
    name = escape_controls(name)
    width = max(20, shutil.get_terminal_size().columns // 3)
    return name if len(name) <= width else f"{name[: width - 1]}…"


def _create_display(bars: ProgressBars) -> Live:
    from rich.live import Live

    return Live(console=bars.console, transient=True, get_renderable=bars.get_renderable)


def create_bars() -> ProgressBars:
    """Bars on standard error, which vanish at the end."""
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
