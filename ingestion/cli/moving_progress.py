"""The progress of commands that move bars: a bar on a terminal, log lines with --verbose. Both go to standard error."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Self

from ingestion.cancellation import CancellationToken
from ingestion.cli.console import create_bars
from ingestion.cli.output import print_log_line, print_wait
from ingestion.errors import Interrupted
from ingestion.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as ProgressBars


class MovingProgress(Progress):
    """Shows steps and positions, and stops the work when the token is set. `interruption`: the error that then ends
    it."""

    interruption: type[Interrupted] = Interrupted

    def __init__(self, token: CancellationToken, *, verbose: bool) -> None:
        self._token, self._verbose = token, verbose
        self._started = time.perf_counter()
        self._bars: ProgressBars | None = create_bars() if sys.stderr.isatty() and not verbose else None
        self._task = self._bars.add_task("", total=None) if self._bars else None

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._bars:
            self._bars.stop()

    def start_moving(self, count: int) -> None:
        if self._bars and self._task is not None:
            self._bars.update(self._task, total=count)

    def advance_to(self, position: int) -> None:
        if self._bars and self._task is not None:
            self._bars.update(self._task, completed=position)
        self._log(self.format_position(position))

    def format_position(self, position: int) -> str:
        """The log line of a position."""
        return f"Moved {position:,} bars"

    def step(self, name: str) -> None:
        self._describe(name)
        self._log(name)

    def wait_for(self, holder: str) -> None:
        if self._bars:
            self._describe(f"Waiting for {holder}")
        else:
            print_wait(holder)

    def raise_if_cancelled(self) -> None:
        try:
            self._token.raise_if_cancelled()
        except Interrupted as error:
            raise self.interruption(error.signal_number) from error

    def _describe(self, text: str) -> None:
        if self._bars and self._task is not None:
            self._bars.update(self._task, description=text)

    def _log(self, line: str) -> None:
        if self._verbose:
            print_log_line(line, started=self._started)
