"""The hourly rollup computed a slow and obvious way, and as stored in the database."""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db import connection
from django.db.backends.utils import CursorWrapper

from config.testing.rows import execute_one
from marketdata.models import Bar, HourlyBar, SeriesCount

HOUR = datetime(2024, 1, 2, 14, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Statement = tuple[str, list]  # SQL and its parameters
COLUMNS = "symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id"


def at(minute: int) -> datetime:
    """The time so many minutes after `HOUR`."""
    return HOUR + timedelta(minutes=minute)


def bar_row(symbol: str, ts: datetime, value: int, *, run_id: int = 1) -> tuple:
    """A bar with prices and volume computed from `value`, in the order of `COLUMNS`."""
    opening, closing = Decimal(value), Decimal(value * 7 % 11) + Decimal("0.25")
    high, low = max(opening, closing) + value % 3, min(opening, closing) - value % 5
    return (symbol, ts, (ts - EPOCH) // timedelta(milliseconds=1), opening, high, low, closing, value, run_id)


def insert_bars(rows: Iterable[tuple], *, on_conflict: str = "") -> int:
    """Insert by one INSERT; `on_conflict` is its ON CONFLICT clause. Returns how many rows were inserted or updated."""
    rows = list(rows)
    add_years(rows)
    marks = ", ".join(["%s"] * len(rows))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO market_bars_ohlcv_1m AS old ({COLUMNS}) VALUES {marks} {on_conflict}", rows)  # noqa: S608
        affected: int = cursor.rowcount
        return affected


def copy_bars(rows: Iterable[tuple]) -> None:
    """Insert by COPY."""
    rows = list(rows)
    add_years(rows)
    text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.copy_expert(f"COPY market_bars_ohlcv_1m ({COLUMNS}) FROM STDIN", io.StringIO(text))


def add_years(rows: Iterable[tuple]) -> None:
    """Make the partitions of rows of `COLUMNS`, as the loader does. Earlier releases have none."""
    years = {row[1].astimezone(UTC).year for row in rows if isinstance(row[1], datetime)}
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regprocedure('market_bars_add_partitions(int[])') IS NOT NULL")
        if cursor.fetchone()[0]:
            cursor.execute("SELECT market_bars_add_partitions(%s)", [list(years)])


def compute_hours() -> dict[tuple[str, datetime], tuple]:
    """Each hour computed from its bars: open, high, low, close, volume, count, first and last time, minutes."""
    bars = defaultdict(list)
    for bar in Bar.objects.order_by("ts"):
        bars[bar.symbol, bar.ts.astimezone(UTC).replace(minute=0)].append(bar)
    return {
        key: (
            inside[0].open,
            max(bar.high for bar in inside),
            min(bar.low for bar in inside),
            inside[-1].close,
            sum(bar.volume for bar in inside),
            len(inside),
            inside[0].ts,
            inside[-1].ts,
            {bar.ts.minute for bar in inside},
        )
        for key, inside in bars.items()
    }


def read_rollup() -> dict[tuple[str, datetime], tuple]:
    """The stored hours, in the form of `compute_hours`."""
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


def assert_rollup_matches() -> None:
    """The stored hours and counts equal those computed from the bars."""
    assert read_rollup() == compute_hours()
    counts = Counter(Bar.objects.values_list("symbol", flat=True))
    assert dict(SeriesCount.objects.filter(bar_count__gt=0).values_list("symbol", "bar_count")) == counts


def insert_minutes(*minutes: int) -> Statement:
    """The INSERT of a bar of A for each of the minutes, counted from `HOUR`."""
    rows = [bar_row("A", at(minute), minute % 13) for minute in minutes]
    return f"INSERT INTO market_bars_ohlcv_1m ({COLUMNS}) VALUES " + ", ".join(["%s"] * len(rows)), rows  # noqa: S608


def run_statement(cursor: CursorWrapper, statement: Statement, failures: list[Exception]) -> None:
    """Run the statement in a thread; append its error, if it has one."""
    try:
        cursor.execute(*statement)
    except Exception as failure:
        failures.append(failure)


def is_waiting(cursor: CursorWrapper) -> bool:
    """Whether the cursor's session waits for a lock."""
    pid = cursor.connection.info.backend_pid
    return bool(execute_one("SELECT cardinality(pg_blocking_pids(%s)) > 0", pid))
