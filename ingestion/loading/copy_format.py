"""Bars as rows of PostgreSQL's COPY BINARY, built by numpy: no Python object per row, no float anywhere.

The format is described at https://www.postgresql.org/docs/current/sql-copy.html ("Binary Format"): a signature, per row
a count of fields, per field its length and bytes, big-endian, then a trailer. A NUMERIC is (count of digits, weight of
the first, sign, display scale, digits in base 10,000), as numeric_send() and numeric_recv() of PostgreSQL's numeric.c
write and read it; numeric_recv() accepts leading and trailing zero digits. A TIMESTAMPTZ is microseconds since 2000.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ingestion.symbology.resolve import ResolvedBars

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
_VALUE_COLUMNS = ("ts", "ts_ms", "open", "high", "low", "close", "volume")
STAGED_COLUMNS = ("series", *_VALUE_COLUMNS)
BAR_COLUMNS = ("ingestion_run_id", "symbol", *_VALUE_COLUMNS)

_PRICES = ("open", "high", "low", "close")
_BASE = np.uint64(10_000)
_NANOS = np.uint64(10**9)
_MICROSECONDS_1970_TO_2000 = 946_684_800 * 10**6
_NEGATIVE = 0x4000


@dataclass(frozen=True)
class CopyRows:
    """A complete COPY BINARY stream, and how many rows it has."""

    content: bytes
    count: int


def encode_staged_rows(bars: ResolvedBars) -> CopyRows:
    """Rows of `STAGED_COLUMNS`: int4, timestamptz, int8, four numeric prices, numeric volume."""
    return _stream([_rows(bars, [("series", ">i4", bars.codes)])])


def encode_bar_rows(bars: ResolvedBars, symbols: list[str], run_id: int) -> CopyRows:
    """Rows of `BAR_COLUMNS`: the same with the run and the symbol, `symbols[code]`, in place of the code."""
    encoded = np.array([symbol.encode() for symbol in symbols])
    symbol_lengths = [len(symbol.encode()) for symbol in symbols]
    lengths = np.array(symbol_lengths)[bars.codes]
    parts = []
    for length in sorted(set(symbol_lengths)):  # the rows of one array must have equal lengths
        part = bars[lengths == length]
        if len(part):
            parts.append(_rows(part, [("run_id", ">i8", run_id), ("symbol", f"S{length}", encoded[part.codes])]))
    return _stream(parts)


# A stream without rows, which is not sent.
NO_ROWS = CopyRows(HEADER + TRAILER, 0)


def _stream(parts: list[np.ndarray]) -> CopyRows:
    content = b"".join((HEADER, *(part.data.cast("B") for part in parts if len(part)), TRAILER))
    return CopyRows(content, sum(len(part) for part in parts))


def _rows(bars: ResolvedBars, leading: list[tuple[str, str, object]]) -> np.ndarray:
    """One element per bar in COPY's layout: the leading fields (name, type, value or values), then the bar's own."""
    records = bars.batch.records
    prices = {name: _price_digits(records[name]) for name in _PRICES}
    volume = _integer_digits(records["volume"])
    fields: list[tuple[str, DTypeLike]] = [(name, kind) for name, kind, _ in leading]
    fields += [("ts", ">i8"), ("ts_ms", ">i8")]
    fields += [(name, _numeric(len(digits))) for name, (_, digits) in prices.items()]
    fields += [("volume", _numeric(len(volume)))]

    rows = np.zeros(len(records), dtype=_row_layout(fields))
    rows["field_count"] = len(fields)
    for name, kind in fields:
        rows[f"{name}_length"] = np.dtype(kind).itemsize
    for name, _, values in leading:
        rows[name] = values
    rows["ts"] = (records["ts_event"] // 1000).astype(np.int64) - _MICROSECONDS_1970_TO_2000
    rows["ts_ms"] = records["ts_event"] // 1_000_000
    for name, (whole_digits, digits) in prices.items():
        _fill_numeric(rows[name], digits, weight=whole_digits - 1, scale=9)
        rows[name]["sign"] = np.where(records[name] < 0, _NEGATIVE, 0)
    _fill_numeric(rows["volume"], volume, weight=len(volume) - 1, scale=0)
    return rows


def _row_layout(fields: list[tuple[str, DTypeLike]]) -> np.dtype:
    layout: list[tuple[str, DTypeLike]] = [("field_count", ">i2")]
    for name, kind in fields:
        layout += [(f"{name}_length", ">i4"), (name, kind)]
    return np.dtype(layout)


def _numeric(digits: int) -> np.dtype:
    return np.dtype(
        [("count", ">i2"), ("weight", ">i2"), ("sign", ">u2"), ("scale", ">i2"), ("digits", ">i2", (digits,))]
    )


def _fill_numeric(field: np.ndarray, digits: list[np.ndarray], *, weight: int, scale: int) -> None:
    field["count"], field["weight"], field["scale"] = len(digits), weight, scale
    for position, digit in enumerate(digits):
        field["digits"][:, position] = digit


def _price_digits(nanos: np.ndarray) -> tuple[int, list[np.ndarray]]:
    """The number of digits before the point, and all digits, of the absolute value of counts of 1e-9.

    Only as many as the batch needs: at most three before the point (2**63 is 9,223,372,036.…) and three after it.
    """
    # numpy's absolute value of the least int64 is that number itself; read as unsigned it is correct.
    whole, fraction = np.divmod(np.abs(nanos).view(np.uint64), _NANOS)
    before = _integer_digits(whole)
    after: list[np.ndarray] = []
    fraction = fraction * np.uint64(1000)  # 9 decimals become 12, which are three digits in base 10,000
    scale = np.uint64(10**8)
    while fraction.any():
        digit, fraction = np.divmod(fraction, scale)
        after.append(digit)
        scale //= _BASE
    return len(before), before + after


def _integer_digits(values: np.ndarray) -> list[np.ndarray]:
    """Digits in base 10,000, the highest first, as many as the largest value needs and at least one."""
    digits: list[np.ndarray] = []
    while not digits or values.any():
        values, digit = np.divmod(values, _BASE)
        digits.insert(0, digit)
    return digits
