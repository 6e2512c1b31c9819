"""A backfill on a terminal: steps, requests done, bytes, rows, dollars and the time left."""

from __future__ import annotations

import contextlib
import select
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.cancellation import CancellationToken
from ingestion.cli.console import create_bars
from ingestion.cli.output import print_log_line, print_wait
from ingestion.feeds.history.budget import format_usd
from ingestion.feeds.history.progress import BackfillProgress
from ingestion.feeds.history.report import BackfillResult, RequestOutcome
from marketdata.models import FeedRequest

if TYPE_CHECKING:
    from rich.progress import Progress as ProgressBars
    from rich.progress import TaskID

_POLL_SECONDS = 0.2
_MEGABYTE = 1_000_000


class TerminalBackfill(BackfillProgress):
    """A bar on standard error if that is a terminal; else, if `verbose`, a line per step."""

    def __init__(
        self, token: CancellationToken, *, verbose: bool, print_plan: Callable[[BackfillResult], None]
    ) -> None:
        self._token, self._verbose, self._print_plan = token, verbose, print_plan
        self._bars: ProgressBars | None = create_bars() if sys.stderr.isatty() and not verbose else None
        self._task: TaskID | None = None
        self._started = time.perf_counter()
        self._path: Path | None = None
        self._done = self._records = self._bytes = 0
        self._usd = Decimal(0)
        self._title = ""

    def close(self) -> None:
        """Remove the bar."""
        if self._bars is not None:
            self._bars.stop()

    def show_plan(self, result: BackfillResult) -> None:
        self.close()
        self._print_plan(result)
        self._records = result.records

    def start_request(self, request: FeedRequest, number: int, count: int) -> None:
        self._title = f"{number}/{count} {request.series.slug} {request.start:%Y-%m-%d}"
        if self._verbose:
            print_log_line(
                f"Request {number} of {count}: {request.vendor_symbol} from {request.start:%Y-%m-%d}",
                started=self._started,
            )
        if self._bars is not None:
            self._bars.start()
            if self._task is None:
                self._task = self._bars.add_task("", total=self._records)
        self._show("buying")

    def end_request(self, outcome: RequestOutcome) -> None:
        request = outcome.request
        self._done += request.priced_records
        self._bytes += request.file_size or 0
        self._usd += request.charged_usd or Decimal(0)
        self._show("done")

    def start_file(self, path: Path, size: int) -> None:
        self._path = path

    def step(self, name: str) -> None:
        if self._verbose:
            print_log_line(name, started=self._started)
        self._show(name)

    def count_rows(self, count: int) -> None:
        self._show("storing", rows=count)

    def wait_for(self, holder: str) -> None:
        self.close()
        print_wait(holder)

    def raise_if_cancelled(self) -> None:
        self._token.raise_if_cancelled()

    def _show(self, step: str, rows: int = 0) -> None:
        if self._bars is None or self._task is None:
            return
        size = self._bytes
        if self._path is not None:
            with contextlib.suppress(OSError):
                size += self._path.stat().st_size
        shown = f"{self._title}: {step}, {size / _MEGABYTE:.1f} MB, {self._done + rows:,} rows, {format_usd(self._usd)}"
        self._bars.update(self._task, description=shown, completed=self._done + rows // 2)


def ask(question: str, token: CancellationToken) -> bool:
    """Ask on standard error, and read the answer from the terminal. Ctrl-C ends the wait."""
    sys.stderr.write(question)
    sys.stderr.flush()
    while not select.select([sys.stdin], [], [], _POLL_SECONDS)[0]:
        token.raise_if_cancelled()
    token.raise_if_cancelled()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
