"""Lines of the pages' tables, with numbers and times as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils import timezone

from marketdata.bars.stats import SeriesStats, get_stats, list_stats
from marketdata.formatting import format_age, format_price
from marketdata.models import IngestRun, Series
from marketdata.pages.coverage_strip import Strip, draw_strip, strip_start
from marketdata.pages.query import count_hours_with_bars
from marketdata.runs.query import LastRun, find_last_successes


@dataclass(frozen=True)
class Moment:
    """A time, to be shown to the minute and in words."""

    ts: datetime

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
    return Moment(ts) if ts else None


@dataclass(frozen=True)
class SeriesRow:
    """One line of the table of series."""

    series: Series
    stats: SeriesStats
    strip: Strip | None = None
    last_run: LastRun | None = None

    @property
    def emptiness(self) -> str:
        """Why there is no bar, as far as the last run tells it."""
        if self.last_run is None:
            return "No data ingested yet"
        pk, undoes = self.last_run
        return f"Empty: run {pk} took run {undoes} back" if undoes else f"Empty: its bars were deleted after run {pk}"

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

    @property
    def tick(self) -> str:
        return "" if self.series.tick_size is None else format_price(self.series.tick_size)


def series_rows(series: Sequence[Series]) -> list[SeriesRow]:
    """The series with their strips, in two queries, and one more where a series is empty."""
    held = list(zip(series, list_stats(series), strict=True))
    find_last_runs = find_last_successes([one.symbol for one, stats in held if not stats.max_ts])
    spans = [(one.symbol, strip_start(stats.max_ts), stats.max_ts) for one, stats in held if stats.max_ts]
    hours = count_hours_with_bars(spans)
    return [
        SeriesRow(
            one,
            stats,
            draw_strip(hours.get(one.symbol, {}), stats.max_ts) if stats.max_ts else None,
            find_last_runs.get(one.symbol),
        )
        for one, stats in held
    ]


def series_row(series: Series) -> SeriesRow:
    """One series, without a strip."""
    stats = get_stats(series)
    find_last_runs = {} if stats.max_ts else find_last_successes([series.symbol])
    return SeriesRow(series, stats, last_run=find_last_runs.get(series.symbol))


@dataclass(frozen=True)
class RunRow:
    """One ingest run, for a line of a table or a page of its own."""

    run: IngestRun

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
    def file_name(self) -> str:
        return f"undo of run {self.run.undoes_id}: {self.run.file_name}" if self.run.undoes_id else self.run.file_name

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
    def counts(self) -> list[tuple[str, str, str]]:
        """What was counted, with a word about each."""
        run = self.run
        if run.undoes_id:
            return [
                ("Removed", f"{run.removed_count:,}", "bars that the run had inserted"),
                ("Changed", f"{run.changed_count:,}", "bars that have their old values again"),
                ("Inserted", f"{run.inserted_count:,}", "bars that the run had removed"),
                ("Left", f"{run.left_count:,}", "bars that later runs had changed"),
            ]
        return [
            ("Rows taken from the file", f"{run.row_count:,}", ""),
            ("Inserted", f"{run.inserted_count:,}", "bars that were new"),
            ("Updated", f"{run.updated_count:,}", "bars that the table already had"),
            ("Changed", f"{run.changed_count:,}", "of those, got new values"),
            ("Duplicates", f"{run.duplicate_count:,}", "rows that stood in the file before"),
            ("Removed", f"{run.removed_count:,}", "bars of an instrument that was replaced"),
            ("Gaps", f"{run.gap_count:,}", "places where minutes are missing"),
        ]
