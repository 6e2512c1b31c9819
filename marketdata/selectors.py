"""Every read that more than one place needs. Each is true also after a change by hand.

Counts come from the ledger that the database keeps in step with the bars, everything else from the bars themselves.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db import connection
from django.db.models import F, Func, Max, Min, QuerySet, TextField
from django.db.models.functions import Cast

from marketdata.models import Bar, IngestRun, Series


@dataclass(frozen=True)
class SeriesStats:
    """What the table holds of one series now. Times are UTC starts of minutes; all but the count None when empty."""

    row_count: int
    min_ts: datetime | None
    max_ts: datetime | None
    latest_close: Decimal | None


# The ends come from the primary key, read forwards and backwards.
_STATS = """
SELECT coalesce(counts.bar_count, 0), first.ts, last.ts, last.close
FROM unnest(%(symbols)s::varchar[]) WITH ORDINALITY AS wanted (symbol, place)
LEFT JOIN market_series_counts AS counts ON counts.symbol = wanted.symbol COLLATE "C"
LEFT JOIN LATERAL (
    SELECT ts FROM market_bars_ohlcv_1m WHERE symbol = wanted.symbol COLLATE "C" ORDER BY ts LIMIT 1
) AS first ON true
LEFT JOIN LATERAL (
    SELECT ts, close FROM market_bars_ohlcv_1m WHERE symbol = wanted.symbol COLLATE "C" ORDER BY ts DESC LIMIT 1
) AS last ON true
ORDER BY place
"""


def series_stats(series: Series) -> SeriesStats:
    return stats_of([series])[0]


def stats_of(series: Sequence[Series]) -> list[SeriesStats]:
    """The stats of each, in the same order, by one query that costs the same however many bars there are."""
    with connection.cursor() as cursor:
        cursor.execute(_STATS, {"symbols": [one.symbol for one in series]})
        return [SeriesStats(*row) for row in cursor.fetchall()]


def series_ends(series: Series) -> tuple[datetime, datetime] | None:
    """First and last bar's time, by the primary key alone."""
    ends = Bar.objects.filter(symbol=series.symbol).aggregate(first=Min("ts"), last=Max("ts"))
    return (ends["first"], ends["last"]) if ends["first"] else None


_VERSION = "SELECT xmin::text::bigint, bar_count FROM market_series_counts WHERE symbol = %s"


def minutes_version(series: Series) -> tuple[int, int]:
    """Another one whenever the series has bars of other minutes: which transaction wrote the count, and the count.

    Whoever adds, removes or moves bars writes the count, also where it stays the same (market_rollup_change_bars).
    """
    with connection.cursor() as cursor:
        cursor.execute(_VERSION, [series.symbol])
        return cursor.fetchone() or (0, 0)


def known_slugs() -> list[str]:
    return list(Series.objects.order_by("slug").values_list("slug", flat=True))


# The newest runs tell of nearly all series, however many runs there are; each of the others is looked for by its name.
# An expression of the id keeps the planner from searching the runs one by one, from the last to the first.
_LAST_RUNS = """
WITH newest AS (
    SELECT symbol, max(id) AS id
    FROM (SELECT id, symbols FROM data_ingest_runs ORDER BY id DESC LIMIT 100) AS runs
    CROSS JOIN unnest(symbols) AS symbol
    GROUP BY symbol
)
SELECT wanted.symbol, coalesce(newest.id, earlier.id)
FROM unnest(%(symbols)s::varchar[]) AS wanted (symbol)
LEFT JOIN newest ON newest.symbol = wanted.symbol
LEFT JOIN LATERAL (
    SELECT max(runs.id + 0) AS id
    FROM data_ingest_runs AS runs
    WHERE newest.id IS NULL AND runs.symbols @> ARRAY[wanted.symbol]
) AS earlier ON true
WHERE newest.id IS NOT NULL OR earlier.id IS NOT NULL
"""


def last_runs(series: Sequence[Series]) -> dict[str, IngestRun]:
    """By symbol the last run that wrote to the series, confirmed what it holds, or failed to; by two queries."""
    with connection.cursor() as cursor:
        cursor.execute(_LAST_RUNS, {"symbols": [one.symbol for one in series]})
        ids = dict(cursor.fetchall())
    runs = IngestRun.objects.only("status", "finished_at").in_bulk(set(ids.values()))
    return {symbol: runs[run_id] for symbol, run_id in ids.items()}


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
