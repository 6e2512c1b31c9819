"""DBN files with invented prices, for the demo, the tests and the benchmarks.

Databento's own library encodes the metadata; records have the layout of `layout.OHLCV`. The minutes are those in which
the exchange is open, so that a sample's coverage shows no gap while open.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np

from ingestion.dbn.layout import EPOCH, NANOSECONDS_PER_DAY, NANOSECONDS_PER_MINUTE
from ingestion.dbn.writer import Header, empty_records, write_dbn
from marketdata.calendars.trading_days import find_trading_days

CALENDAR = "CME Globex Equity"
# The library knows no session from 2200 on, and the calendar looks two months ahead for the next one.
_CALENDAR_END = datetime(2199, 10, 1, tzinfo=UTC)
_ROLL_MONTHS = (3, 6, 9, 12)
_TICK = 250_000_000


def random_walk(
    times: np.ndarray, *, instrument_id: int = 1, seed: int = 1, start_price: float = 16_800.0
) -> np.ndarray:
    """Bars of one instrument at the given minutes (uint64, nanoseconds UTC), a random walk in ticks of 0.25.

    Returns records of `layout.OHLCV`. The same arguments give the same bars.
    """
    random = np.random.default_rng(seed)
    records = empty_records(len(times), instrument_id=instrument_id)
    close = int(start_price * 4) + np.cumsum(random.integers(-6, 7, len(times)))
    close = np.maximum(close, 4)  # a long walk would reach prices below zero
    open_ = np.concatenate(([close[0]], close[:-1]))
    records["ts_event"] = times
    records["open"], records["close"] = open_ * _TICK, close * _TICK
    records["high"] = (np.maximum(open_, close) + random.integers(0, 5, len(times))) * _TICK
    records["low"] = (np.minimum(open_, close) - random.integers(0, 4, len(times))) * _TICK
    records["volume"] = random.integers(1, 900, len(times))
    return records


def find_open_minutes(first_day: date, count: int) -> np.ndarray:
    """The first `count` minutes (uint64, nanoseconds UTC) in which CME Globex is open from midnight UTC of `first_day`
    on, by the project's calendar. `ValueError` if the calendar ends before them, in 2199."""
    start = datetime.combine(first_day, time(), UTC)
    blocks: list[np.ndarray] = []
    missing = count
    while missing > 0:
        if start >= _CALENDAR_END:
            raise ValueError(
                f"The calendar {CALENDAR} ends in 2199, before {count:,} minutes from {first_day} on: "
                "write fewer bars, or start earlier."
            )
        # Two of three minutes are open.
        end = min(start + timedelta(days=7, minutes=missing * 3 // 2), _CALENDAR_END)
        days = find_trading_days(CALENDAR, start, end)
        spans = [(max(opened, start), closed) for day in days for opened, closed in day.spans if closed > start]
        found = [np.arange(_to_minute(opened), _to_minute(closed), dtype=np.uint64) for opened, closed in spans]
        blocks += found
        missing -= sum(map(len, found))
        start = days[-1].end
    minutes = np.concatenate(blocks)[:count] if blocks else np.empty(0, np.uint64)
    return minutes * np.uint64(NANOSECONDS_PER_MINUTE)


def write_mnq_sample(path: Path, *, bars: int, first_day: date = date(2024, 1, 1), seed: int = 1) -> Path:
    """Write a continuous MNQ file (MNQ.c.0). It rolls at midnight UTC of each third Friday of a quarter's last month.

    The same arguments give the same file. `ValueError` if the calendar ends before the last bar, in 2199.
    """
    times = find_open_minutes(first_day, bars)
    records = random_walk(times, seed=seed)
    days = (times // np.uint64(NANOSECONDS_PER_DAY)).astype(np.int64)
    end_day = EPOCH + timedelta(days=int(days[-1]) + 1)
    intervals = _make_intervals(first_day, end_day)
    for start, end, instrument_id in intervals:
        records["instrument_id"][(days >= (start - EPOCH).days) & (days < (end - EPOCH).days)] = instrument_id
    header = Header(
        mappings={"MNQ.c.0": intervals},
        start=int(days[0]) * NANOSECONDS_PER_DAY,
        # Up to the last bar: the coverage would show the rest of the day as missing.
        end=int(times[-1]) + NANOSECONDS_PER_MINUTE,
    )
    return write_dbn(path, header, records)


def _make_intervals(first_day: date, end_day: date) -> list[tuple[date, date, int]]:
    """First date, end date (exclusive) and instrument id of each contract within [first_day, end_day)."""
    rolls = [roll for roll in _find_rolls(first_day, end_day) if roll < end_day]
    edges = [first_day, *rolls, end_day]
    return [(start, end, 42_000_001 + number) for number, (start, end) in enumerate(pairwise(edges))]


def _find_rolls(first_day: date, end_day: date) -> list[date]:
    """Third Fridays of March, June, September and December after `first_day`, to the end of the year of `end_day`."""
    months = [(year, month) for year in range(first_day.year, end_day.year + 1) for month in _ROLL_MONTHS]
    fridays = [date(year, month, 15 + (4 - date(year, month, 1).weekday()) % 7) for year, month in months]
    return [friday for friday in fridays if friday > first_day]


def _to_minute(moment: datetime) -> int:
    return int(moment.timestamp()) // 60
