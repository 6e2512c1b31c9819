"""The table of runs, which several pages have, one page of it at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.http import HttpRequest

from marketdata.models import IngestRun, Series
from marketdata.pages.presenters import RunRow, SessionRow
from marketdata.runs.folding import Entry, SessionRuns, read_entries_page, read_session_page
from marketdata.runs.progress import RunProgress, read_progress


@dataclass(frozen=True)
class RunsTable:
    """Rows, newest first. `before`: the id before which they end; None for the newest. `older`: that of the next page,
    None for the last one. `empty`: the text instead of rows. `session`: the live session whose runs these are; None for
    the list of all runs, where each session is one row."""

    rows: Sequence[RunRow | SessionRow]
    before: int | None
    older: int | None
    empty: str
    session: int | None = None

    @property
    def has_removed(self) -> bool:
        """Whether a run removed bars: most never do, and the column would only be zeros."""
        return any(row.run.removed_count for row in self.rows if isinstance(row, RunRow))

    @property
    def has_pages(self) -> bool:
        return self.before is not None or self.older is not None


def build_runs_table(
    *, before: int | None, empty: str, series: Series | None = None, session: int | None = None
) -> RunsTable:
    """The runs with an id below `before`; with a series only successful ones that wrote to it. The runs of a live
    session are one row, unless they are those of `session`."""
    if session is not None:
        entries, older = read_session_page(session, before=before)
    else:
        entries, older = read_entries_page(before=before, symbol=series.symbol if series else None)
    runs = [one for one in entries if isinstance(one, IngestRun)]
    is_any_running = any(run.status == IngestRun.Status.RUNNING for run in runs)
    progress = read_progress() if is_any_running else {}
    rows = [_build_row(one, progress) for one in entries]
    return RunsTable(rows, before, older, empty if before is None else "There are no older runs.", session)


def _build_row(entry: Entry, progress: Mapping[int, RunProgress]) -> RunRow | SessionRow:
    if isinstance(entry, SessionRuns):
        return SessionRow(entry)
    return RunRow(entry, progress.get(entry.pk))


def parse_before(request: HttpRequest, name: str = "before") -> int | None:
    """The number in `before`, or in another parameter, or None. The length is limited: Python refuses to parse
    thousands of digits."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
