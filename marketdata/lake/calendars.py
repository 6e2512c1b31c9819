"""The small tables beside the bars: the calendar of each symbol, and the trading days of each calendar.

With them, a query computes the candles of any timeframe (candles.sql) without this project's calendars.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.backends.utils import CursorWrapper

from marketdata.calendars.exchange import is_known_calendar
from marketdata.calendars.trading_days import TradingDay, TradingWeek, find_trading_weeks
from marketdata.lake.errors import LakeError

if TYPE_CHECKING:
    import pyarrow

_DAY_MS = 86_400_000
_MINUTE = timedelta(minutes=1)
_SERIES = """
SELECT counts.symbol, coalesce(series.slug, ''), coalesce(series.dataset, ''), coalesce(series.calendar, ''),
    (SELECT first_ts FROM market_bars_ohlcv_1h WHERE symbol = counts.symbol ORDER BY hour LIMIT 1),
    (SELECT last_ts FROM market_bars_ohlcv_1h WHERE symbol = counts.symbol ORDER BY hour DESC LIMIT 1)
FROM (SELECT DISTINCT symbol FROM market_bars_ohlcv_1h) AS counts
LEFT JOIN market_series AS series ON series.symbol = counts.symbol
ORDER BY counts.symbol
"""
_SERIES_COLUMNS = ("symbol", "slug", "dataset", "calendar")
_DAY_COLUMNS = (
    "calendar", "utc_day_ms", "session_date", "start_ms", "end_ms", "open_ms", "day_ms", "week_date", "week_ms",
    "open_minutes",
)  # fmt: skip
_DATES = ("session_date", "week_date")


def build_tables(cursor: CursorWrapper) -> dict[str, pyarrow.Table]:
    """`series`: slug, dataset and calendar of each symbol with bars. `days`: the trading days of their calendars.

    Raises `LakeError` if a series has a calendar that is not known.
    """
    import pyarrow

    cursor.execute(_SERIES)
    rows = cursor.fetchall()
    series = [row[:4] for row in rows]
    ranges: dict[str, list] = {}
    for _, slug, _, calendar, first, last in rows:
        if calendar and not is_known_calendar(calendar):
            raise LakeError(f"The series {slug} has the unknown calendar {calendar}: set another one in the admin.")
        before = ranges.setdefault(calendar, [first, last])
        ranges[calendar] = [min(before[0], first), max(before[1], last)]
    days = [
        row
        for calendar, (first, last) in sorted(ranges.items())
        for week in find_trading_weeks(calendar, first, last + _MINUTE)
        for day in week.days
        for row in _list_rows(calendar, week, day)
    ]
    text = dict.fromkeys(_SERIES_COLUMNS, pyarrow.string())
    numbers = dict.fromkeys(_DAY_COLUMNS, pyarrow.int64())
    types = numbers | {"calendar": pyarrow.string()} | dict.fromkeys(_DATES, pyarrow.date32())
    return {"series": _make_table(text, series), "days": _make_table(types, days)}


def _make_table(types: dict[str, pyarrow.DataType], rows: list[tuple]) -> pyarrow.Table:
    import pyarrow

    columns = list(zip(*rows, strict=True)) or [()] * len(types)
    return pyarrow.table(
        {name: pyarrow.array(column, types[name]) for name, column in zip(types, columns, strict=True)}
    )


def _list_rows(calendar: str, week: TradingWeek, day: TradingDay) -> Iterator[tuple[Any, ...]]:
    """A row for each UTC day of a trading day, so that a query joins by equal days first."""
    start, end, opened, label, *_ = (number * 1000 for number in day.seconds[:4])
    times = day.date, start, end, opened, label, week.date, week.days[0].seconds.ts * 1000, day.expected
    for utc_day in range(start // _DAY_MS * _DAY_MS, end, _DAY_MS):
        yield (calendar, utc_day, *times)
