"""The progress of partition_bars: a bar on a terminal, log lines with --verbose. Both go to standard error."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from ingestion.cancellation import CancellationToken
from ingestion.cli.console import create_bars
from ingestion.cli.output import print_log_line, print_wait
from ingestion.errors import Interrupted, PartitioningInterrupted
from ingestion.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as ProgressBars


class PartitionProgress(Progress):
    """Counts the bars that are copied, with bars a second and the time left; stops the work when the token is set."""

    def __init__(self, token: CancellationToken, *, verbose: bool) -> None:
        self._token, self._verbose = token, verbose
        self._started = time.perf_counter()
        self._bars: ProgressBars | None = create_bars() if sys.stderr.isatty() and not verbose else None
        self._task = self._bars.add_task("", total=None) if self._bars else None
        self._total = self._rate = 0
        self._first: tuple[float, int] | None = None
        self._name = ""

    def __enter__(self) -> PartitionProgress:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._bars:
            self._bars.stop()

    def start_moving(self, count: int) -> None:
        self._total = count
        if self._bars and self._task is not None:
            self._bars.update(self._task, total=count)

    def advance_to(self, position: int) -> None:
        """The first position is what an earlier call has copied."""
        now = time.perf_counter()
        if self._first is None:
            self._first = (now, position)
        elif now > self._first[0]:
            self._rate = round((position - self._first[1]) / (now - self._first[0]))
        if self._bars and self._task is not None:
            self._bars.update(self._task, completed=position)
        if self._verbose:
            print_log_line(self._format_position(position), started=self._started)
        self._describe()

    def step(self, name: str) -> None:
        self._name = name
        if self._verbose:
            print_log_line(name, started=self._started)
        self._describe()

    def wait_for(self, holder: str) -> None:
        if self._bars and self._task is not None:
            self._bars.update(self._task, description=f"Waiting for {holder}")
        else:
            print_wait(holder)

    def raise_if_cancelled(self) -> None:
        try:
            self._token.raise_if_cancelled()
        except Interrupted as error:
            raise PartitioningInterrupted(error.signal_number) from error

    def _describe(self) -> None:
        if self._bars and self._task is not None:
            rate = f", {self._rate:,} bars/s" if self._rate else ""
            self._bars.update(self._task, description=f"{self._name}{rate}")

    def _format_position(self, position: int) -> str:
        line = f"Copied {position:,} of {self._total:,} bars"
        if not self._rate:
            return line
        return f"{line}, {self._rate:,} bars/s, {max(self._total - position, 0) / self._rate:.0f} s left"
