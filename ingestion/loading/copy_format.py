"""Bars as rows of PostgreSQL's COPY BINARY, built by numpy: no Python object per row, no float anywhere.

The format: https://www.postgresql.org/docs/current/sql-copy.html ("Binary Format"): a signature, then per row a count
of fields and per field its length and bytes, big-endian, then a trailer. A NUMERIC is (count of digits, weight of the
first, sign, display scale, digits to the base 10,000), as numeric_send() and numeric_recv() in PostgreSQL's numeric.c
have it; leading and trailing zero digits are allowed on the way in. A TIMESTAMPTZ is microseconds since 2000.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ingestion.symbology.resolve import ResolvedBars

HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
_VALUE_COLUMNS = ("ts", "ts_ms", "open", "high", "low", "close", "volume")
COLUMNS = ("series", *_VALUE_COLUMNS)
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
    """Rows of `COLUMNS`: int4, timestamptz, int8, four numeric prices, numeric volume."""
    return _stream([_rows(bars, [("series", ">i4", bars.codes)])])


def encode_bar_rows(bars: ResolvedBars, symbols: list[str], run_id: int | None) -> CopyRows:
    """Rows of `TABLE_COLUMNS`: the same with the symbol, `symbols[code]`, and the run. None only for no bars."""
    encoded = np.array([symbol.encode() for symbol in symbols])
    length_of = [len(symbol.encode()) for symbol in symbols]
    lengths = np.array(length_of)[bars.codes]
    parts = []
    for length in sorted(set(length_of)):  # all rows of one array are equally long
        part = bars[lengths == length]
        if len(part):
            parts.append(_rows(part, [("run_id", ">i8", run_id), ("symbol", f"S{length}", encoded[part.codes])]))
    return _stream(parts)


def _stream(parts: list[np.ndarray]) -> CopyRows:
    content = b"".join((HEADER, *(memoryview(part).cast("B") for part in parts if len(part)), TRAILER))
    return CopyRows(content, sum(len(part) for part in parts))


def _rows(bars: ResolvedBars, leading: list[tuple[str, str, object]]) -> np.ndarray:
    """One element per bar, laid out as COPY reads it: the leading fields (name, type, value or values), then those of
    every bar."""
    records = bars.batch.records
    prices = {name: _price_digits(records[name]) for name in _PRICES}
    volume = _integer_digits(records["volume"])
    fields = [(name, kind) for name, kind, _ in leading] + [("ts", ">i8"), ("ts_ms", ">i8")]
    fields += [(name, _numeric(len(digits))) for name, (_, digits) in prices.items()]
    fields += [("volume", _numeric(len(volume)))]

    rows = np.zeros(len(records), dtype=_row(fields))
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


def _row(fields: list[tuple[str, object]]) -> np.dtype:
    layout: list[tuple[str, object]] = [("field_count", ">i2")]
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
    """How many digits stand before the point, and all digits, of the absolute value of counts of 1e-9.

    Only as many as the chunk needs: at most three before the point (2**63 is 9,223,372,036.…) and three behind.
    """
    # The absolute value of the least int64 is itself; read as unsigned it is right.
    whole, fraction = np.divmod(np.abs(nanos).view(np.uint64), _NANOS)
    before = _integer_digits(whole)
    behind: list[np.ndarray] = []
    fraction = fraction * np.uint64(1000)  # 9 decimals as 12, which are three digits to the base 10,000
    scale = np.uint64(10**8)
    while fraction.any():
        digit, fraction = np.divmod(fraction, scale)
        behind.append(digit)
        scale //= _BASE
    return len(before), before + behind


def _integer_digits(values: np.ndarray) -> list[np.ndarray]:
    """Digits to the base 10,000, the highest first, as many as the largest value needs and at least one."""
    digits: list[np.ndarray] = []
    while not digits or values.any():
        values, digit = np.divmod(values, _BASE)
        digits.insert(0, digit)
    return digits
