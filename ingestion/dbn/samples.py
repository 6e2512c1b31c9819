"""DBN files made here, for the demo, the tests and the benchmarks: the prices are invented, the format is real.

Metadata is encoded by Databento's own library, records are laid out as in `decode.OHLCV`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from ingestion.dbn.layout import NANOSECONDS_PER_MINUTE
from ingestion.dbn.writer import Header, empty_records, write_dbn


def random_walk(
    times: np.ndarray, *, instrument_id: int = 1, seed: int = 1, start_price: float = 16_800.0
) -> np.ndarray:
    """Bars of one instrument at the given minutes (uint64 ns), wandering in ticks of 0.25. The same seed gives the
    same bars."""
    random = np.random.default_rng(seed)
    records = empty_records(len(times), instrument_id=instrument_id)
    tick = 250_000_000
    close = int(start_price * 4) + np.cumsum(random.integers(-6, 7, len(times)))
    close = np.maximum(close, 4)  # a price never wanders below a point
    open_ = np.concatenate(([close[0]], close[:-1]))
    records["ts_event"] = times
    records["open"], records["close"] = open_ * tick, close * tick
    records["high"] = (np.maximum(open_, close) + random.integers(0, 5, len(times))) * tick
    records["low"] = (np.minimum(open_, close) - random.integers(0, 4, len(times))) * tick
    records["volume"] = random.integers(1, 900, len(times))
    return records


def globex_minutes(first_day: date, count: int) -> np.ndarray:
    """`count` minutes (uint64 ns) from `first_day` on in which CME Globex trades in winter: Sunday 23:00 to Friday
    22:00 UTC, with a break from 22:00 to 23:00. Holidays are not left out."""
    day_start = int(datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC).timestamp()) // 60
    minutes = day_start + np.arange(count * 2 + 10_080, dtype=np.int64)
    hour = minutes // 60 % 24
    weekday = (minutes // 1440 + 3) % 7  # 1970-01-01 was a Thursday
    opened = (hour != 22) & (weekday != 5) & ~((weekday == 4) & (hour >= 22)) & ~((weekday == 6) & (hour < 23))
    return (minutes[opened][:count] * NANOSECONDS_PER_MINUTE).astype(np.uint64)


QUARTERLY = ((3, "H"), (6, "M"), (9, "U"), (12, "Z"))


def write_mnq_sample(path: Path, *, bars: int, first_day: date = date(2024, 1, 1), seed: int = 1) -> Path:
    """A continuous MNQ file (MNQ.c.0) that rolls at midnight UTC before each third Friday of a quarter's last month."""
    times = globex_minutes(first_day, bars)
    records = random_walk(times, seed=seed)
    days = times // np.uint64(86_400 * 10**9)
    last_day = date(1970, 1, 1) + timedelta(days=int(days[-1]) + 1)
    intervals = []
    start = first_day
    for instrument_id, roll in enumerate(_rolls(first_day, last_day), start=42_000_001):
        end = min(roll, last_day)
        inside = (days >= (start - date(1970, 1, 1)).days) & (days < (end - date(1970, 1, 1)).days)
        records["instrument_id"][inside] = instrument_id
        intervals.append((start, end, instrument_id))
        start = end
    header = Header(
        mappings={"MNQ.c.0": intervals},
        start=int(times[0] // np.uint64(86_400 * 10**9)) * 86_400 * 10**9,
        end=(int(days[-1]) + 1) * 86_400 * 10**9,
    )
    return write_dbn(path, header, records)


def _rolls(first_day: date, last_day: date) -> list[date]:
    """Third Fridays of March, June, September and December behind the first day, up to one behind the last."""
    rolls = []
    for year in range(first_day.year, last_day.year + 2):
        for month, _ in QUARTERLY:
            first_weekday = date(year, month, 1).weekday()
            third_friday = date(year, month, 15 + (4 - first_weekday) % 7)
            if third_friday > first_day:
                rolls.append(third_friday)
                if third_friday >= last_day:
                    return rolls
    return rolls
