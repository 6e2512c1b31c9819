"""The table of runs, which several pages have, one page of it at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest

from marketdata.models import IngestRun, Series
from marketdata.pages.presenters import RunRow
from marketdata.runs.progress import read_progress
from marketdata.runs.query import read_runs_page


@dataclass(frozen=True)
class RunsTable:
    """Rows, newest first. `before`: the id before which they end; None for the newest. `older`: that of the next page,
    None for the last one. `empty`: the text instead of rows."""

    rows: Sequence[RunRow]
    before: int | None
    older: int | None
    empty: str

    @property
    def has_removed(self) -> bool:
        """Whether a run removed bars: most never do, and the column would only be zeros."""
        return any(row.run.removed_count for row in self.rows)

    @property
    def has_pages(self) -> bool:
        return self.before is not None or self.older is not None


def build_runs_table(*, before: int | None, empty: str, series: Series | None = None) -> RunsTable:
    """The runs with an id below `before`; with a series only successful ones that wrote to it."""
    runs, older = read_runs_page(before=before, symbol=series.symbol if series else None)
    is_any_running = any(run.status == IngestRun.Status.RUNNING for run in runs)
    progress = read_progress() if is_any_running else {}
    rows = [RunRow(run, progress.get(run.pk)) for run in runs]
    return RunsTable(rows, before, older, empty if before is None else "There are no older runs.")


def parse_before(request: HttpRequest) -> int | None:
    """The number in `before`, or None. The length is limited: Python refuses to parse thousands of digits."""
    text = request.GET.get("before", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
