"""Findings for tests: detectors that are easy to foresee, and bars of whole sessions."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from django.core.management import call_command

from config.testing.builders import FRONT, Printed
from ingestion.dbn.layout import NANOSECONDS_PER_MINUTE
from ingestion.dbn.writer import empty_records
from marketdata.quality.detectors.model import Bars, Detected, SeriesContext
from marketdata.quality.detectors.sessions import read_sessions

CALENDAR = "CME Globex Equity"
NS = 10**9


def find_high(bars: Bars, context: SeriesContext) -> list[Detected]:
    """Ranges of consecutive bars above 20,000 are spikes."""
    high = np.flatnonzero(bars.close > 20_000 * NS)
    parts = np.split(high, np.flatnonzero(np.diff(bars.ts[high]) > NANOSECONDS_PER_MINUTE) + 1) if len(high) else []
    return [
        Detected(
            "spike",
            "error",
            int(bars.ts[part[0]]),
            int(bars.ts[part[-1]]) + NANOSECONDS_PER_MINUTE,
            float(bars.close[part].max() / NS),
            20_000.0,
            f"{len(part)} bars above 20,000.",
            bars.describe(part),
        )
        for part in parts
        if len(part)
    ]


def make_session_bars(first: date, last: date, *, instrument_id: int = FRONT, seed: int = 7) -> np.ndarray:
    """A bar in each open minute of these UTC dates, on ticks of 0.25, with volumes and ranges that vary."""
    start, end = (int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * NS for day in (first, last))
    minutes = read_sessions(CALENDAR, start, end).list_open_minutes(start, end)
    random = np.random.default_rng(seed)
    records = empty_records(len(minutes), instrument_id=instrument_id)
    ticks = 66_000 + np.cumsum(random.integers(-6, 7, len(minutes)))
    move = random.integers(-8, 9, len(minutes))
    records["publisher_id"], records["ts_event"] = 1, minutes
    records["open"], records["close"] = ticks * 250_000_000, (ticks + move) * 250_000_000
    high, low = np.maximum(ticks, ticks + move), np.minimum(ticks, ticks + move)
    records["high"] = (high + random.integers(1, 6, len(minutes))) * 250_000_000
    records["low"] = (low - random.integers(1, 6, len(minutes))) * 250_000_000
    records["volume"] = random.integers(60, 400, len(minutes))
    return records


def check_quality(**options: Any) -> Printed:
    """Run `check_quality` in this process. Raises the `CommandError` that the command line would show."""
    out, err = io.StringIO(), io.StringIO()
    call_command("check_quality", stdout=out, stderr=err, **options)
    return Printed(out.getvalue(), err.getvalue())
