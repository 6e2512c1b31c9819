"""The bars of a series as arrays, read in time order, each once: memory depends on the window, not on the series."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from django.db import DataError, connection, transaction

from marketdata.models import Series, SeriesInstrument
from marketdata.quality.detectors.model import DAY, NO_BARS, Bars
from marketdata.sources.split import Sources, read_settled

if TYPE_CHECKING:
    import pyarrow

_COLUMNS = ("ts_ms", "open", "high", "low", "close", "volume")
# COPY BINARY of columns that are never NULL: a row is the number of its fields, and each field after its length.
_FIELDS = [(f"{name}{part}", ">i4" if part else ">i8") for name in _COLUMNS for part in ("_length", "")]
_ROW = np.dtype([("fields", ">i2"), *_FIELDS])
_HEADER, _TRAILER = 19, 2  # bytes
_BARS = """
COPY (
    SELECT ts_ms, {prices}, least(volume, 9000000000000000000)::int8
    FROM market_bars_ohlcv_1m WHERE symbol = %s AND ts >= %s AND ts < %s ORDER BY ts
) TO STDOUT (FORMAT BINARY)
"""
_PRICES = ("open", "high", "low", "close")
_EXACT = _BARS.format(prices=", ".join(f"({name} * 1000000000)::int8" for name in _PRICES))
# A price of another program can exceed what DBN can have.
_LIMITED = _BARS.format(
    prices=", ".join(f"(least(greatest({name}, -9000000000), 9000000000) * 1000000000)::int8" for name in _PRICES)
)
_NS_PER_MS = 1_000_000
_LIMIT = 9_000_000_000 * 10**9


def read_bars(symbol: str, start: int, end: int) -> Bars:
    """The bars of [start, end), ns, in time order. Which contract they belong to is not known.

    Raises `ArchivedBarsUnreadable`.
    """
    if start >= end:
        return NO_BARS
    return read_settled(partial(_read, symbol, to_datetime(start), to_datetime(end)))


def _read(symbol: str, start: datetime, end: datetime, sources: Sources) -> Bars:
    found = NO_BARS
    for piece in sources.split(start, end):
        if piece.archived:
            for table in piece.iterate_tables(symbol, _COLUMNS):
                found = join_bars(found, _convert(table))
        else:
            found = join_bars(found, _read_table([symbol, piece.start, piece.end]))
    return found


def _read_table(values: list[object]) -> Bars:
    try:
        with transaction.atomic():
            return _copy(_EXACT, values)
    except DataError:
        return _copy(_LIMITED, values)


def _convert(table: pyarrow.Table) -> Bars:
    """The bars of a table of the lake."""
    opened, high, low, close, volume = (_to_integers(table[name]) for name in _COLUMNS[1:])
    ts = table["ts_ms"].to_numpy() * _NS_PER_MS
    return Bars(ts, opened, high, low, close, np.minimum(volume, _LIMIT), np.zeros(len(ts), np.int32))


def _to_integers(column: pyarrow.ChunkedArray) -> np.ndarray:
    """Prices in 1e-9, and volumes. A decimal is 16 bytes; what is too large for 8 of them is the limit."""
    array = column.combine_chunks()
    whole = np.frombuffer(array.buffers()[1], np.int64).reshape(-1, 2)[array.offset : array.offset + len(array)]
    low, high = whole[:, 0], whole[:, 1]
    limited = np.where(high < 0, -_LIMIT, _LIMIT)
    integers: np.ndarray = np.where(high == low >> 63, low, limited)
    return integers


def _copy(statement: str, values: list[object]) -> Bars:
    out = io.BytesIO()
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.copy_expert(cursor.mogrify(statement, values).decode(), out, 1 << 20)
    rows = np.frombuffer(out.getbuffer()[_HEADER:-_TRAILER], _ROW)
    ts, opened, high, low, close, volume = (rows[name].astype(np.int64) for name in _COLUMNS)
    return Bars(ts * _NS_PER_MS, opened, high, low, close, volume, np.zeros(len(ts), np.int32))


class BarReader:
    """Reads windows of one series, each later than the one before, and reads no bar twice."""

    def __init__(self, series: Series) -> None:
        self._symbol = series.symbol
        self._dates, self._contracts = _read_contracts(series)
        self._bars = NO_BARS
        self._until: int | None = None

    def read(self, start: int, end: int) -> Bars:
        """The bars of [start, end), ns. `start` is not before that of the call before."""
        since = start if self._until is None else max(start, self._until)
        if since < end:
            self._bars = join_bars(self._bars.slice(start, end), self._mark(read_bars(self._symbol, since, end)))
            self._until = end
        return self._bars.slice(start, end)

    def _mark(self, bars: Bars) -> Bars:
        """The bars with the number of their contract."""
        if len(self._dates):
            at = np.searchsorted(self._dates, bars.ts, side="right") - 1
            bars.instrument[:] = np.where(at < 0, 0, self._contracts[at])
        return bars


def join_bars(first: Bars, second: Bars) -> Bars:
    """The bars of both, of which the second are later."""
    if not len(first):
        return second
    if not len(second):
        return first
    names = ("ts", "open", "high", "low", "close", "volume", "instrument")
    return Bars(*(np.concatenate([getattr(first, name), getattr(second, name)]) for name in names))


def _read_contracts(series: Series) -> tuple[np.ndarray, np.ndarray]:
    """From when on (ns) the series is mapped to which contract: numbers from 1 on, 0 where none is known."""
    rows = SeriesInstrument.current.filter(series=series).order_by("start_date", "id")
    columns = ("start_date", "end_date", "dataset", "instrument_id")
    numbers: dict[tuple[str, int], int] = {}
    edges: dict[int, int] = {}
    for start, end, dataset, instrument in rows.values_list(*columns):
        number = numbers.setdefault((dataset, instrument), len(numbers) + 1)
        edges[_to_ns(start)] = number
        edges.setdefault(_to_ns(end), 0)
    ordered = sorted(edges)
    return np.array(ordered, np.int64), np.array([edges[edge] for edge in ordered], np.int32)


def _to_ns(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY


def to_datetime(ns: int) -> datetime:
    """The UTC time of nanoseconds since 1970, to the microsecond."""
    seconds, rest = divmod(ns, 10**9)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)


def to_ns(moment: datetime) -> int:
    """Nanoseconds since 1970 of a UTC time."""
    return int(moment.replace(microsecond=0).timestamp()) * 10**9 + moment.microsecond * 1000
