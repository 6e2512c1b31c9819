"""The small tables beside the bars: the calendar of each symbol, the trading days of each calendar, and their sessions.

With them, a query computes the candles of any timeframe (candles.sql), and finds missing minutes and bars while the
exchange is closed, without this project's calendars.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.backends.utils import CursorWrapper

from marketdata.bars.tables import make_price_type
from marketdata.calendars.exchange import is_known_calendar
from marketdata.calendars.trading_days import TradingDay, TradingWeek, find_trading_weeks
from marketdata.lake.errors import LakeError

if TYPE_CHECKING:
    import pyarrow

_DAY_MS = 86_400_000
_MINUTE = timedelta(minutes=1)
_SERIES = """
SELECT counts.symbol, coalesce(series.slug, ''), coalesce(series.dataset, ''), coalesce(series.calendar, ''),
    series.tick_size,
    (SELECT first_ts FROM market_bars_ohlcv_1h WHERE symbol = counts.symbol ORDER BY hour LIMIT 1),
    (SELECT last_ts FROM market_bars_ohlcv_1h WHERE symbol = counts.symbol ORDER BY hour DESC LIMIT 1)
FROM (SELECT DISTINCT symbol FROM market_bars_ohlcv_1h) AS counts
LEFT JOIN market_series AS series ON series.symbol = counts.symbol
ORDER BY counts.symbol
"""
_SERIES_COLUMNS = ("symbol", "slug", "dataset", "calendar")
_TICK_SIZE = "tick_size"
_DAY_COLUMNS = (
    "calendar", "utc_day_ms", "session_date", "start_ms", "end_ms", "open_ms", "day_ms", "week_date", "week_ms",
    "open_minutes",
)  # fmt: skip
_SESSION_COLUMNS = ("calendar", "hours", "utc_day_ms", "session_date", "start_ms", "end_ms")
_DATES = ("session_date", "week_date")


def build_tables(cursor: CursorWrapper) -> dict[str, pyarrow.Table]:
    """The tables of all symbols with bars. Raises `LakeError` if a series has a calendar that is not known."""
    cursor.execute(_SERIES)
    return make_tables(cursor.fetchall())


def make_tables(rows: Sequence[tuple]) -> dict[str, pyarrow.Table]:
    """The tables by name, of series: symbol, slug, dataset, calendar, tick size, and times of the first and last bar.

    `series`: slug, dataset, calendar and tick size of each symbol. `days`: the trading days of their calendars.
    `sessions`: when these days are open, in `regular` and in `all` hours. Raises `LakeError` as `build_tables`.
    """
    import pyarrow

    series = [row[:5] for row in rows]
    ranges: dict[str, list] = {}
    for _, slug, _, calendar, _, first, last in rows:
        if calendar and not is_known_calendar(calendar):
            raise LakeError(f"The series {slug} has the unknown calendar {calendar}: set another one in the admin.")
        before = ranges.setdefault(calendar, [first, last])
        ranges[calendar] = [min(before[0], first), max(before[1], last)]
    days: list[tuple] = []
    sessions: list[tuple] = []
    for calendar, (first, last) in sorted(ranges.items()):
        for week in find_trading_weeks(calendar, first, last + _MINUTE):
            for day in week.days:
                days.extend(_list_rows(calendar, week, day))
                sessions.extend(_list_sessions(calendar, day))
    text = dict.fromkeys(_SERIES_COLUMNS, pyarrow.string()) | {_TICK_SIZE: make_price_type(as_text=False)}
    return {
        "series": _make_table(text, series),
        "days": _make_table(_make_types(_DAY_COLUMNS), days),
        "sessions": _make_table(_make_types(_SESSION_COLUMNS), sessions),
    }


def _make_types(columns: tuple[str, ...]) -> dict[str, pyarrow.DataType]:
    import pyarrow

    types = dict.fromkeys(columns, pyarrow.int64()) | {"calendar": pyarrow.string()}
    types |= {name: pyarrow.string() for name in columns if name == "hours"}
    return types | {name: pyarrow.date32() for name in columns if name in _DATES}


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


def _list_sessions(calendar: str, day: TradingDay) -> Iterator[tuple[Any, ...]]:
    """A row for each UTC day of each open time. Bars are legal in `all` hours, and expected in `regular` ones."""
    *_, regular, everything = day.seconds
    for hours, spans in (("regular", regular), ("all", everything)):
        for first, stop in spans:
            start, end = first * 1000, stop * 1000
            for utc_day in range(start // _DAY_MS * _DAY_MS, end, _DAY_MS):
                yield calendar, hours, utc_day, day.date, max(start, utc_day), min(end, utc_day + _DAY_MS)
