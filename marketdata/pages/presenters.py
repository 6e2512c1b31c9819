"""Rows of the pages' tables, with numbers and times formatted for display."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from marketdata.bars.stats import SeriesStats, get_stats, list_stats
from marketdata.bars.tick_size import MIN_BARS, TickSize, find_tick_size
from marketdata.coverage.life import read_lives
from marketdata.formatting import format_age, format_count, format_price
from marketdata.live.query import read_series_states
from marketdata.live.states import FeedState, SeriesState
from marketdata.models import IngestRun, Series
from marketdata.pages.coverage_strip import Strip, draw_strip, find_strip_start
from marketdata.pages.query import count_hours_with_bars
from marketdata.quality.select import count_unresolved
from marketdata.runs.activity import describe_progress
from marketdata.runs.folding import SessionRuns
from marketdata.runs.progress import RunProgress
from marketdata.runs.query import LastRun, find_last_successes

MINUTE = timedelta(minutes=1)
NO_DATA = "No data ingested yet"


@dataclass(frozen=True)
class Moment:
    """A UTC time and the formats in which pages show it."""

    ts: datetime

    @property
    def date(self) -> str:
        return f"{self.ts.astimezone(UTC):%Y-%m-%d}"

    @property
    def minute(self) -> str:
        return f"{self.ts.astimezone(UTC):%Y-%m-%d %H:%M}"

    @property
    def second(self) -> str:
        return f"{self.ts.astimezone(UTC):%Y-%m-%d %H:%M:%S}"

    @property
    def iso(self) -> str:
        return self.ts.astimezone(UTC).isoformat()

    @property
    def age(self) -> str:
        return format_age(self.ts, timezone.now())


def moment(ts: datetime | None) -> Moment | None:
    """The presenter of a UTC time; None for none, so that templates can test for it."""
    return Moment(ts) if ts else None


@dataclass(frozen=True)
class SeriesRow:
    """One row of the table of series."""

    series: Series
    stats: SeriesStats
    strip: Strip | None = None
    last_run: LastRun | None = None
    feed: SeriesState | None = None  # of a live series
    findings: int = 0  # open or acknowledged

    @property
    def finding_text(self) -> str:
        """2 findings"""
        return format_count(self.findings, "finding")

    @property
    def findings_address(self) -> str:
        """The list of its findings that are not resolved."""
        return f"{reverse('quality')}?{urlencode({'series': self.series.slug})}"

    @property
    def shown_feed(self) -> FeedState | None:
        """The feed of a live series with bars."""
        return self.feed.feed if self.feed and self.stats.max_ts else None

    @property
    def empty_reason(self) -> str:
        """Why the series has no bars, as far as its last run shows."""
        if self.last_run is None:
            return NO_DATA
        pk, undoes = self.last_run
        return f"Empty: run {pk} undid run {undoes}" if undoes else f"Empty: its bars were deleted after run {pk}"

    @property
    def bars(self) -> str:
        return f"{self.stats.row_count:,}"

    @property
    def first(self) -> Moment | None:
        return moment(self.stats.min_ts)

    @property
    def last(self) -> Moment | None:
        return moment(self.stats.max_ts)

    @property
    def latest_close(self) -> str:
        return "" if self.stats.latest_close is None else format_price(self.stats.latest_close)

    @cached_property
    def tick_size(self) -> TickSize:
        """May read bars."""
        return find_tick_size(self.series, self.stats.row_count)

    @property
    def tick(self) -> str:
        return "" if self.tick_size.size is None else format_price(self.tick_size.size)

    @property
    def tick_source(self) -> str:
        """Where the tick size is from, or why it is unknown."""
        if self.tick_size.source is None:
            return f"fewer than {MIN_BARS:,} bars" if self.stats.row_count < MIN_BARS else "all prices are 0"
        return {"set": "set in the admin", "bars": "found from the bars"}[self.tick_size.source]


def build_series_rows(series: Sequence[Series]) -> list[SeriesRow]:
    """The series with their strips and counts of findings, in four queries, a fifth one if some series are empty, and
    three more if some are live."""
    pairs = list(zip(series, list_stats(series), strict=True))
    last_runs = find_last_successes([one.symbol for one, stats in pairs if not stats.max_ts])
    strips = _draw_strips([(one, stats.min_ts, stats.max_ts) for one, stats in pairs if stats.min_ts and stats.max_ts])
    live = [(one, stats) for one, stats in pairs if one.live]
    states = read_series_states([one for one, _ in live], [stats for _, stats in live]) if live else []
    feeds = {one.symbol: state for (one, _), state in zip(live, states, strict=True)}
    findings = count_unresolved(series)
    return [
        SeriesRow(
            one,
            stats,
            strips.get(one.symbol),
            last_runs.get(one.symbol),
            feeds.get(one.symbol),
            findings.get(one.pk, 0),
        )
        for one, stats in pairs
    ]


def _draw_strips(bars: list[tuple[Series, datetime, datetime]]) -> dict[str, Strip]:
    """By symbol the strip of each series, which ends with the series' life or today. `bars` has each series with the
    times of its first and its last bar."""
    now = timezone.now()
    lives = {series.symbol: life for (series, _, _), life in zip(bars, read_lives(bars), strict=True)}
    ends = {series.symbol: lives[series.symbol].find_stop(last, now) - MINUTE for series, _, last in bars}
    hours = count_hours_with_bars([(symbol, find_strip_start(end), end) for symbol, end in ends.items()])
    return {symbol: draw_strip(hours.get(symbol, {}), end, lives[symbol]) for symbol, end in ends.items()}


def build_series_row(series: Series) -> SeriesRow:
    """One series, without a strip."""
    stats = get_stats(series)
    last_runs = {} if stats.max_ts else find_last_successes([series.symbol])
    findings = count_unresolved([series]).get(series.pk, 0)
    return SeriesRow(series, stats, last_run=last_runs.get(series.symbol), findings=findings)


@dataclass(frozen=True)
class RunRow:
    """One ingest run, for a row of a table or for its own page."""

    run: IngestRun
    progress: RunProgress | None = None

    @property
    def pk(self) -> int:
        return self.run.pk

    @property
    def status(self) -> str:
        return self.run.status

    @property
    def failed(self) -> bool:
        return self.run.status == IngestRun.Status.FAILED

    @property
    def error(self) -> str:
        """What a failed run reports. Empty for other runs."""
        return self.run.error if self.failed else ""

    @property
    def progress_text(self) -> str:
        """How far a running run is. Empty for other runs."""
        return describe_progress(self.run, self.progress)

    @property
    def undos(self) -> list[tuple[int, str]]:
        """The successful undos of the run, newest first: each with what it skipped."""
        done = [undo for undo in self.run.undone_by.all() if undo.status == IngestRun.Status.SUCCESS]
        return [
            (undo.pk, f" except {format_count(undo.left_count, 'bar')}" if undo.left_count else "")
            for undo in sorted(done, key=lambda undo: -undo.pk)
        ]

    @property
    def file_name(self) -> str:
        """The name of the file; of an undo or a split, what it did."""
        return self.run.title

    @property
    def started(self) -> Moment:
        return Moment(self.run.started_at)

    @property
    def finished(self) -> Moment | None:
        return moment(self.run.finished_at)

    @property
    def first(self) -> Moment | None:
        return moment(self.run.min_ts)

    @property
    def last(self) -> Moment | None:
        return moment(self.run.max_ts)

    @property
    def duration(self) -> str:
        if not self.run.finished_at:
            return ""
        seconds = (self.run.finished_at - self.run.started_at).total_seconds()
        return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"

    @property
    def size(self) -> str:
        return "" if self.run.file_size is None else f"{self.run.file_size:,} bytes"

    @property
    def inserted(self) -> str:
        return f"{self.run.inserted_count:,}"

    @property
    def changed(self) -> str:
        return f"{self.run.changed_count:,}"

    @property
    def updated(self) -> str:
        return f"{self.run.updated_count:,}"

    @property
    def removed(self) -> str:
        return f"{self.run.removed_count:,}"

    @property
    def removed_kind(self) -> str:
        """The class of the count: on narrow screens a card omits a zero."""
        return "removed" if self.run.removed_count else "removed none"

    @property
    def counts(self) -> list[tuple[str, str, str]]:
        """Name, count and meaning of each counter of the run."""
        run = self.run
        if run.moves is not None or run.kind == IngestRun.Kind.SPLIT:
            meaning = (
                "bars, back to their earlier series" if run.undoes_id else "bars, to the series of their contracts"
            )
            counts = [("Moved", run.changed_count, meaning)]
        elif run.undoes_id:
            counts = [
                ("Removed", run.removed_count, "bars that the run had inserted"),
                ("Changed", run.changed_count, "bars changed back to their old values"),
                ("Inserted", run.inserted_count, "restored bars that the run had removed"),
                ("Skipped", run.left_count, "bars that later runs changed"),
            ]
        else:
            counts = [
                ("Rows loaded", run.row_count, "from the file"),
                ("Inserted", run.inserted_count, "new bars"),
                ("Updated", run.updated_count, "bars that were already stored"),
                ("Changed", run.changed_count, "of these, corrected"),
                ("Duplicates", run.duplicate_count, "rows that repeat an earlier row of the file"),
                ("Withdrawn", run.withdrawn_count, "stored bars of the file’s range that it does not have"),
                ("Removed", run.removed_count, _describe_removed(run)),
                ("Gaps", run.gap_count, "ranges of missing minutes"),
            ]
        return [(name, f"{count:,}", meaning) for name, count, meaning in counts]


@dataclass(frozen=True)
class SessionRow:
    """The runs of a live session, as one row of the runs' list."""

    runs: SessionRuns

    is_session = True

    @property
    def pk(self) -> int:
        """The number of the session."""
        return self.runs.session.pk

    @property
    def status(self) -> str:
        """Open until it ended; failed if a run of it did."""
        if self.runs.failed_count:
            return "failed"
        return "running" if self.runs.session.ended_at is None else "success"

    @property
    def text(self) -> str:
        """live session 12 · 230 runs · 2,798 bars"""
        parts = [
            f"live session {self.pk}",
            format_count(self.runs.run_count, "run"),
            format_count(self.runs.session.bars, "bar"),
        ]
        if self.runs.failed_count:
            parts.append(f"{self.runs.failed_count:,} failed")
        return " · ".join(parts)

    @property
    def end(self) -> str:
        """Why it ended, as a sentence. Empty while it is open."""
        return self.runs.session.error

    @property
    def started(self) -> Moment:
        return Moment(self.runs.session.started_at)

    @property
    def duration(self) -> str:
        session = self.runs.session
        if session.ended_at is None:
            return ""
        minutes = (session.ended_at - session.started_at).total_seconds() / 60
        return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"


def _describe_removed(run: IngestRun) -> str:
    replaced, withdrawn = "bars of the replaced instrument", "withdrawn bars"
    if run.remove_withdrawn:
        return f"{withdrawn} and {replaced}" if run.replace_instrument else withdrawn
    return replaced
