"""The stretches of time that candles stand for, as the series' exchange has them.

Intraday periods are cut at the session's open (see `sessions.buckets`), days and weeks are the exchange's own. Periods
of a timeframe follow one another without a hole, so every bar has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from marketdata.calendars.buckets import expected_between, make_buckets
from marketdata.calendars.trading_days import find_trading_days, find_trading_weeks

INTRADAY = {"5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240}
TIMEFRAMES = (*INTRADAY, "1d", "1w")  # beside 1m, which are the bars themselves


@dataclass(frozen=True)
class Periods:
    """Some periods in time order, one element of each array per period; times are seconds since 1970, UTC.

    `starts` and `ends` bound the bars (half-open), `labels` is how a candle is stamped: a day by its regular start,
    also where a weekend before it belongs to it. `dates` is the trading date, of a week its Monday.
    """

    labels: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    dates: Sequence[date]
    expected: np.ndarray  # minutes that the exchange was open

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, which: slice) -> Periods:
        return Periods(
            self.labels[which], self.starts[which], self.ends[which], self.dates[which], self.expected[which]
        )

    @property
    def on_whole_hours(self) -> bool:
        """Whether the hourly ledger can be read for them."""
        return not (self.starts % 3600).any() and not (self.ends[-1:] % 3600).any()


def find_periods(calendar: str, timeframe: str, start: datetime, end: datetime) -> Periods:
    """The whole periods of all trading days (for 1w: weeks) that overlap [start, end)."""
    if timeframe == "1w":
        weeks = find_trading_weeks(calendar, start, end)
        days = [day for week in weeks for day in week.days]
        return _of(weeks, [week.monday for week in weeks], days)
    days = find_trading_days(calendar, start, end)
    if timeframe == "1d":
        return _of(days, [day.date for day in days], days)
    buckets = make_buckets(days, INTRADAY[timeframe])
    dates = np.array([day.date for day in days], dtype=object)[buckets.days]
    return Periods(buckets.starts, buckets.starts, buckets.ends, dates, buckets.expected)


def _of(stretches: Sequence, dates: list[date], days: Sequence) -> Periods:
    labels, starts, ends = (_seconds(stretches, name) for name in ("ts", "start", "end"))
    return Periods(labels, starts, ends, dates, expected_between(days, starts, ends))


def _seconds(stretches: Sequence, name: str) -> np.ndarray:
    return np.array([int(getattr(stretch, name).timestamp()) for stretch in stretches], np.int64)
