"""The progress of a split: a bar on a terminal, log lines with --verbose. Both go to standard error."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from ingestion.cancellation import CancellationToken
from ingestion.cli.console import create_bars
from ingestion.cli.output import print_log_line, print_wait
from ingestion.errors import Interrupted, SplitInterrupted
from ingestion.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as ProgressBars


class SplitProgress(Progress):
    """Counts the bars that have moved, and stops the split when the token is set."""

    def __init__(self, token: CancellationToken, *, verbose: bool) -> None:
        super().__init__()
        self._token = token
        self._verbose = verbose
        self._started = time.perf_counter()
        self._bars: ProgressBars | None = create_bars() if sys.stderr.isatty() and not verbose else None
        self._task = self._bars.add_task("", total=None) if self._bars else None

    def __enter__(self) -> SplitProgress:
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
        if self._verbose:
            print_log_line(f"Moved {position:,} bars", started=self._started)

    def step(self, name: str) -> None:
        if self._bars and self._task is not None:
            self._bars.update(self._task, description=name)
        if self._verbose:
            print_log_line(name, started=self._started)

    def wait_for(self, holder: str) -> None:
        if self._bars and self._task is not None:
            self._bars.update(self._task, description=f"Waiting for {holder}")
        else:
            print_wait(holder)

    def raise_if_cancelled(self) -> None:
        try:
            self._token.raise_if_cancelled()
        except Interrupted as error:
            raise SplitInterrupted(error.signal_number) from error
