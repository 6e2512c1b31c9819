"""Prices, times and values of a record as error messages show them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np

from ingestion.dbn.layout import UNDEFINED_PRICE, UNDEFINED_TIME, VALUES


def to_price(nanos: int) -> Decimal:
    """The exact price for an int64 count of 1e-9."""
    return Decimal(int(nanos)).scaleb(-9).normalize()


def format_values(record: np.void, names: Iterable[str] = VALUES) -> str:
    return ", ".join(f"{name} {_value(record, name)}" for name in names)


def _value(record: np.void, name: str) -> str:
    if name == "volume":
        return str(record[name])
    return "undefined" if record[name] == UNDEFINED_PRICE else format(to_price(record[name]), "f")


def to_datetime(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds // 10**9, UTC)


def format_record_time(record: np.void) -> str:
    return format_time(int(record["ts_event"]))


def format_time(nanoseconds: int) -> str:
    if nanoseconds == int(UNDEFINED_TIME):
        return "no time"
    seconds, rest = divmod(nanoseconds, 10**9)
    text = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
    return f"{text}.{rest:09d} UTC" if rest else f"{text} UTC"
