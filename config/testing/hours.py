"""The hourly ledger by a slow and obvious way, and what the database says it is."""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db import connection

from marketdata.models import Bar, HourlyBar, SeriesCount

HOUR = datetime(2024, 1, 2, 14, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS = "symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id"


def at(minute: int) -> datetime:
    """The minute, counted from `HOUR`."""
    return HOUR + timedelta(minutes=minute)


def bar_row(symbol: str, ts: datetime, value: int, *, run_id: int = 1) -> tuple:
    """A bar whose prices and volume follow from `value`, in the order of `COLUMNS`."""
    opening, closing = Decimal(value), Decimal(value * 7 % 11) + Decimal("0.25")
    high, low = max(opening, closing) + value % 3, min(opening, closing) - value % 5
    return (symbol, ts, (ts - EPOCH) // timedelta(milliseconds=1), opening, high, low, closing, value, run_id)


def insert_bars(rows: Iterable[tuple], *, then: str = "") -> int:
    """By one INSERT; `then` is an ON CONFLICT."""
    rows = list(rows)
    marks = ", ".join(["%s"] * len(rows))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO market_bars_ohlcv_1m AS old ({COLUMNS}) VALUES {marks} {then}", rows)  # noqa: S608
        return cursor.rowcount


def copy_bars(rows: Iterable[tuple]) -> None:
    text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.copy_expert(f"COPY market_bars_ohlcv_1m ({COLUMNS}) FROM STDIN", io.StringIO(text))


def hours_from_bars() -> dict[tuple[str, datetime], tuple]:
    """Each hour made of its bars, one bar at a time."""
    bars = defaultdict(list)
    for bar in Bar.objects.order_by("ts"):
        bars[bar.symbol, bar.ts.astimezone(UTC).replace(minute=0)].append(bar)
    return {
        key: (
            held[0].open,
            max(bar.high for bar in held),
            min(bar.low for bar in held),
            held[-1].close,
            sum(bar.volume for bar in held),
            len(held),
            held[0].ts,
            held[-1].ts,
            {bar.ts.minute for bar in held},
        )
        for key, held in bars.items()
    }


def rollup_rows() -> dict[tuple[str, datetime], tuple]:
    return {
        (hour.symbol, hour.hour): (
            hour.open,
            hour.high,
            hour.low,
            hour.close,
            hour.volume,
            hour.bar_count,
            hour.first_ts,
            hour.last_ts,
            {minute for minute in range(64) if hour.minutes >> minute & 1},
        )
        for hour in HourlyBar.objects.all()
    }


def assert_in_step() -> None:
    """Ledger and counts are what the bars make them."""
    assert rollup_rows() == hours_from_bars()
    counts = Counter(Bar.objects.values_list("symbol", flat=True))
    assert dict(SeriesCount.objects.filter(bar_count__gt=0).values_list("symbol", "bar_count")) == counts
