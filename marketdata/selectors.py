"""Every read that more than one place needs. Each asks the table itself: it is true also after a change by hand.

The stats and the coverage read the bars; whatever summary may come later changes its source here and nowhere else.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db import connection
from django.db.models import F, Func, Max, Min, QuerySet, TextField
from django.db.models.functions import Cast

from marketdata.models import Bar, IngestRun, Series

MAX_GAPS = 1000
DEFAULT_COVERAGE = timedelta(days=366)


@dataclass(frozen=True)
class SeriesStats:
    """What the table holds of one series now. Times are UTC starts of minutes; all but the count None when empty."""

    row_count: int
    min_ts: datetime | None
    max_ts: datetime | None
    latest_close: Decimal | None


def series_stats(series: Series) -> SeriesStats:
    """First, last and latest close by the primary key, backwards for the last; the count by an index-only scan."""
    bars = Bar.objects.filter(symbol=series.symbol)
    latest = bars.order_by("-ts").values_list("ts", "close").first()
    if latest is None:
        return SeriesStats(0, None, None, None)
    max_ts, latest_close = latest
    return SeriesStats(bars.count(), bars.aggregate(first=Min("ts"))["first"], max_ts, latest_close)


def series_ends(series: Series) -> tuple[datetime, datetime] | None:
    """First and last bar's time, by the primary key alone."""
    ends = Bar.objects.filter(symbol=series.symbol).aggregate(first=Min("ts"), last=Max("ts"))
    return (ends["first"], ends["last"]) if ends["first"] else None


def known_slugs() -> list[str]:
    return list(Series.objects.order_by("slug").values_list("slug", flat=True))


def last_run(series: Series) -> IngestRun | None:
    """The last run that wrote to the series, or confirmed what it holds."""
    return IngestRun.objects.filter(symbols__contains=[series.symbol]).order_by("-id").first()


def bars_in_range(series: Series, start: datetime | None, end: datetime | None) -> QuerySet[Bar]:
    """The series' bars with start ≤ ts < end, unordered."""
    bars = Bar.objects.filter(symbol=series.symbol)
    if start is not None:
        bars = bars.filter(ts__gte=start)
    if end is not None:
        bars = bars.filter(ts__lt=end)
    return bars


class BarRow(NamedTuple):
    """A bar as it is sent: prices as exact decimal text without idle zeros, written by PostgreSQL, which is faster."""

    ts: datetime
    open: str
    high: str
    low: str
    close: str
    volume: Decimal
    run_id: int


def _exact(name: str) -> Cast:
    return Cast(Func(F(name), function="trim_scale"), TextField())


def page_of_bars(
    series: Series,
    *,
    start: datetime | None,
    end: datetime | None,
    after: datetime | None,
    descending: bool,
    limit: int,
) -> tuple[list[BarRow], datetime | None]:
    """Up to `limit` bars behind `after` in the order asked for, and where the next page starts, None at the end.

    Found by the key, not by counting past rows: the thousandth page costs what the first does.
    """
    bars = bars_in_range(series, start, end)
    if after is not None:
        bars = bars.filter(ts__lt=after) if descending else bars.filter(ts__gt=after)
    prices = [_exact(name) for name in ("open", "high", "low", "close")]
    rows = bars.order_by("-ts" if descending else "ts").values_list("ts", *prices, "volume", "ingestion_run_id")
    found = [BarRow(*row) for row in rows[: limit + 1]]
    return found[:limit], found[limit - 1].ts if len(found) > limit else None


@dataclass(frozen=True)
class DayCoverage:
    """One UTC day that has bars. `gaps`: places inside the day where minutes are missing between two bars."""

    day: date
    bars: int
    first: datetime
    last: datetime
    gaps: int


@dataclass(frozen=True)
class Gap:
    """No bars between the bar at `after` and the bar at `before`."""

    after: datetime
    before: datetime

    @property
    def minutes(self) -> int:
        """How many minutes are missing."""
        return int((self.before - self.after).total_seconds()) // 60 - 1


@dataclass(frozen=True)
class Coverage:
    """Bars per UTC day in [start, end), and the gaps between bars: how many, and the longest of them by time."""

    start: datetime
    end: datetime
    days: list[DayCoverage]
    gap_count: int
    gaps: list[Gap]


_DAYS = """
SELECT (ts AT TIME ZONE 'UTC')::date AS day, count(*), min(ts), max(ts),
    count(*) FILTER (WHERE ts - previous > interval '1 minute'
        AND (previous AT TIME ZONE 'UTC')::date = (ts AT TIME ZONE 'UTC')::date)
FROM (
    SELECT ts, lag(ts) OVER (ORDER BY ts) AS previous
    FROM market_bars_ohlcv_1m
    WHERE symbol = %(symbol)s AND ts >= %(start)s AND ts < %(end)s
) AS bars
GROUP BY day
ORDER BY day
"""
_GAPS = """
SELECT previous, ts, count(*) OVER () AS gap_count
FROM (
    SELECT ts, lag(ts) OVER (ORDER BY ts) AS previous
    FROM market_bars_ohlcv_1m
    WHERE symbol = %(symbol)s AND ts >= %(start)s AND ts < %(end)s
) AS bars
WHERE ts - previous > interval '1 minute'
ORDER BY ts - previous DESC, ts
LIMIT %(most)s
"""


def series_coverage(series: Series, *, start: datetime | None, end: datetime | None) -> Coverage | None:
    """Coverage of the range; by default of the last year of data that ends with the last bar. None for no bars at all.

    Reads each minute's key in the range once: a year of one series is 350,000 entries of the index.
    """
    ends = series_ends(series)
    if ends is None:
        return None
    end = end or ends[1] + timedelta(minutes=1)
    start = start or max(ends[0], _before(end, DEFAULT_COVERAGE))
    if start >= end:
        return Coverage(start, max(start, end), [], 0, [])
    parameters = {"symbol": series.symbol, "start": start, "end": end, "most": MAX_GAPS}
    with connection.cursor() as cursor:
        cursor.execute(_DAYS, parameters)
        days = [DayCoverage(*row) for row in cursor.fetchall()]
        cursor.execute(_GAPS, parameters)
        rows = cursor.fetchall()
    gaps = sorted((Gap(after, before) for after, before, _ in rows), key=lambda gap: gap.after)
    return Coverage(start, end, days, rows[0][2] if rows else 0, gaps)


def _before(moment: datetime, span: timedelta) -> datetime:
    return moment - span if moment - datetime.min.replace(tzinfo=UTC) > span else datetime.min.replace(tzinfo=UTC)


def failures_since_last_success() -> int:
    """How many runs failed after the last one that succeeded."""
    succeeded = IngestRun.objects.filter(status="success").order_by("-id").values_list("id", flat=True).first() or 0
    return IngestRun.objects.filter(status="failed", id__gt=succeeded).count()


# --- Whole ranges as files -------------------------------------------------------------------------------------------

EXPORT_COLUMNS = ("symbol", "ts", "open", "high", "low", "close", "volume", "run_id")
EXPORT_ROWS = 20_000
# trim_scale leaves the digits that say something: 16234.5, not 16234.500000000.
_EXPORT = """
COPY (
    SELECT symbol, to_char(ts AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"') AS ts,
        trim_scale(open) AS open, trim_scale(high) AS high, trim_scale(low) AS low, trim_scale(close) AS close,
        volume, ingestion_run_id AS run_id
    FROM market_bars_ohlcv_1m
    WHERE symbol = %(symbol)s AND ts >= %(start)s AND ts < %(end)s
    ORDER BY symbol, ts
) TO STDOUT (FORMAT CSV)
"""


def export_csv_blocks(series: Series, *, start: datetime | None, end: datetime | None) -> Iterator[bytes]:
    """The range's bars as CSV lines of `EXPORT_COLUMNS` without a header, some thousands at a time, in time order.

    Memory stays the same for any range. Each block is a statement of its own, so that no transaction stays open for as
    long as a client takes to read.
    """
    while start is None or end is None or start < end:
        page = bars_in_range(series, start, end).order_by("ts").values_list("ts", flat=True)
        times = list(page[:EXPORT_ROWS])
        if not times:
            return
        block_end = times[-1] + timedelta(minutes=1)
        yield _copy_out({"symbol": series.symbol, "start": times[0], "end": block_end})
        start = block_end


def _copy_out(parameters: dict) -> bytes:
    out = io.BytesIO()
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.copy_expert(cursor.mogrify(_EXPORT, parameters).decode(), out)
    return out.getvalue()
