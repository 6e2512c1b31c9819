"""Formats prices, times and values of a record, as error messages show them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np

from ingestion.dbn.layout import UNDEFINED_PRICE, UNDEFINED_TIME, VALUES


def format_values(record: np.void, names: Iterable[str] = VALUES) -> str:
    """The named fields with exact prices: `open 16800.25, volume 120`; an undefined price as `undefined`."""
    return ", ".join(f"{name} {_format_value(record, name)}" for name in names)


def format_record_time(record: np.void) -> str:
    return format_time(int(record["ts_event"]))


def format_time(nanoseconds: int) -> str:
    """Nanoseconds since 1970 UTC, exactly: `2024-01-02 00:03:00 UTC`, with nine decimals unless on a second."""
    if nanoseconds == UNDEFINED_TIME:
        return "no time"
    seconds, rest = divmod(nanoseconds, 10**9)
    text = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
    return f"{text}.{rest:09d} UTC" if rest else f"{text} UTC"


def to_price(nanos: int) -> Decimal:
    """The exact price of an int64 in units of 1e-9."""
    return Decimal(int(nanos)).scaleb(-9).normalize()


def to_datetime(nanoseconds: int) -> datetime:
    """Nanoseconds since 1970 UTC, rounded down to the second."""
    return datetime.fromtimestamp(nanoseconds // 10**9, UTC)


def _format_value(record: np.void, name: str) -> str:
    if name == "volume":
        return str(record[name])
    return "undefined" if record[name] == UNDEFINED_PRICE else format(to_price(record[name]), "f")
