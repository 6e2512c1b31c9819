"""Bars as JSON text, for the API and for streams. Numbers, decimal text and times need no escape."""

from __future__ import annotations

from marketdata.bars.query import BarRow
from marketdata.timestamps import to_iso

_BAR = '{"ts":"%s","open":"%s","high":"%s","low":"%s","close":"%s","volume":%d,"run_id":%d}'


def write_bar(bar: BarRow) -> str:
    """An object with the fields of the bar."""
    ts, *values = bar
    return _BAR % (to_iso(ts), *values)
