"""The periods of candles, by the trading hours of the series' exchange.

Intraday periods count from the session's open (see `marketdata.calendars.buckets`); days and weeks are the exchange's
own. Each period of a timeframe begins where the one before ends, so every bar belongs to exactly one. With regular
hours the periods are the same, and their bars outside these hours do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime

import numpy as np

from marketdata.calendars.buckets import OpenMinutes, make_buckets
from marketdata.calendars.hours import Hours
from marketdata.calendars.trading_days import TradingDay, TradingWeek, find_trading_days, find_trading_weeks

INTRADAY = {"5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240}
HOURLY = ("1h", "4h", "1d", "1w")  # read from the hourly rollup, with minute bars only at the edges of periods
TIMEFRAMES = (*INTRADAY, "1d", "1w")  # without 1m: those are the bars


@dataclass(frozen=True)
class Periods:
    """Periods in time order: one element of each int64 array per period. Times are seconds since 1970, UTC.

    `starts` and `ends` bound the bars (half-open). `labels` are the timestamps of the candles: of a day its regular
    start, also where the day includes a weekend before it. `dates` are trading dates, of a week its first day.
    """

    labels: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    dates: Sequence[date]
    expected: np.ndarray  # open minutes
    trades: np.ndarray  # whether the exchange trades within the hours that count
    closes: np.ndarray  # when the exchange closes: from then on the candle is not forming
    within: OpenMinutes | None = None  # only bars of these minutes count; None: all bars

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, selected: slice) -> Periods:
        names = (field.name for field in fields(self) if field.name != "within")
        return replace(self, **{name: getattr(self, name)[selected] for name in names})


def find_periods(calendar: str, timeframe: str, start: datetime, end: datetime, hours: Hours = Hours.ALL) -> Periods:
    """All periods of the trading days (for 1w: weeks) that overlap [start, end).

    `timeframe` is one of `TIMEFRAMES`. With `Hours.REGULAR` only the bars in regular hours count. Raises
    `UnknownCalendar` for a name that no calendar has.
    """
    if timeframe == "1w":
        weeks = find_trading_weeks(calendar, start, end)
        days = [day for week in weeks for day in week.days]
        periods = _make_periods(weeks, [week.date for week in weeks], days, hours)
    else:
        days = find_trading_days(calendar, start, end)
        if timeframe == "1d":
            periods = _make_periods(days, [day.date for day in days], days, hours)
        else:
            periods = _make_intraday_periods(days, INTRADAY[timeframe], hours)
    return replace(periods, within=OpenMinutes(days)) if hours is Hours.REGULAR else periods


def _make_intraday_periods(days: Sequence[TradingDay], minutes: int, hours: Hours) -> Periods:
    buckets = make_buckets(days, minutes, hours)
    dates = np.array([day.date for day in days], dtype=object)[buckets.days]
    rest = buckets.expected, buckets.trades, buckets.closes
    return Periods(buckets.starts, buckets.starts, buckets.ends, dates, *rest)


def _make_periods(
    units: Sequence[TradingDay] | Sequence[TradingWeek], dates: list[date], days: Sequence[TradingDay], hours: Hours
) -> Periods:
    seconds = [_list_seconds(unit) for unit in units]
    labels, starts, ends = np.array(seconds, np.int64).reshape(-1, 3).T
    regular = OpenMinutes(days)
    trading = regular if hours is Hours.REGULAR else OpenMinutes(days, hours)
    expected, trades = regular.count_between(starts, ends), trading.count_between(starts, ends) > 0
    return Periods(labels, starts, ends, dates, expected, trades, trading.find_closes(starts, ends))


def _list_seconds(unit: TradingDay | TradingWeek) -> tuple[int, int, int]:
    """The timestamp, the start and the end."""
    first, last = (unit, unit) if isinstance(unit, TradingDay) else (unit.days[0], unit.days[-1])
    return first.seconds.ts, first.seconds.start, last.seconds.end
