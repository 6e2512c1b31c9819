"""Arrow tables of bars and candles, and the files that they are written to.

pyarrow takes a second to import, which every other request would pay for: functions import it when a file is requested.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from marketdata.formatting import escape_formula
from marketdata.lake.columns import PRICES, make_price_type

if TYPE_CHECKING:
    import numpy as np
    import pyarrow
    from typing_extensions import Buffer

__all__ = ["PRICES", "make_price_type", "write_arrow", "write_csv", "write_parquet"]

ROW_GROUP = 32_768  # rows; smaller groups make a Parquet file larger and slower to read
_DAY = 24 * 60  # minutes


def write_csv(tables: Iterable[pyarrow.Table]) -> Iterator[bytes]:
    """A header and a line for each row, of tables of one symbol with prices as text. Times are ISO 8601 in UTC.

    A symbol that a spreadsheet would read as a formula has an apostrophe before it. No other column needs quotes: they
    have numbers, times and dates.
    """
    from pyarrow import compute

    for number, table in enumerate(tables):
        if number == 0:
            yield ",".join(table.column_names).encode()
        if not len(table):
            continue
        symbol = _quote(escape_formula(table["symbol"][0].as_py()))
        texts = map(_to_text, table.columns[1:])
        yield _read_text(compute.binary_join_element_wise(f"\n{symbol}", *texts, ","))
    yield b"\n"


def _quote(text: str) -> str:
    """The text as a cell of a CSV file."""
    return '"' + text.replace('"', '""') + '"' if set(text) & set('",\r\n') else text


def _to_text(column: pyarrow.ChunkedArray) -> pyarrow.StringArray:
    import pyarrow

    array = column.combine_chunks()
    return _format_minutes(array) if pyarrow.types.is_timestamp(array.type) else array.cast(pyarrow.string())


def _format_minutes(times: pyarrow.TimestampArray) -> pyarrow.StringArray:
    """Whole minutes as `2024-01-02T14:30:00+00:00`: a date and a time of day, each of which is formatted once. A cast
    to text needs four times as long."""
    import numpy as np
    import pyarrow

    days, minutes = np.divmod(times.cast(pyarrow.timestamp("s")).view(pyarrow.int64()).to_numpy() // 60, _DAY)
    encoded = pyarrow.array(days).dictionary_encode()
    dates = np.datetime_as_string(encoded.dictionary.to_numpy().astype("datetime64[D]")).astype("S10")
    texts = np.empty(len(times), [("date", "S10"), ("time", "S15")])
    texts["date"], texts["time"] = dates[encoded.indices.to_numpy()], _list_times_of_day()[minutes]
    ends = np.arange(len(times) + 1, dtype=np.int32) * texts.itemsize
    return pyarrow.StringArray.from_buffers(len(times), pyarrow.py_buffer(ends), pyarrow.py_buffer(texts))


@functools.cache
def _list_times_of_day() -> np.ndarray:
    import numpy as np

    return np.array([f"T{minute // 60:02}:{minute % 60:02}:00+00:00" for minute in range(_DAY)], "S15")


def _read_text(array: pyarrow.StringArray) -> bytes:
    """The texts of an array one after the other: Arrow stores them so."""
    import pyarrow

    _, offsets, texts = array.buffers()
    bounds = memoryview(offsets).cast("i")[array.offset : array.offset + len(array) + 1]
    return pyarrow.py_buffer(texts)[bounds[0] : bounds[-1]].to_pybytes() if len(array) else b""


def write_parquet(tables: Iterable[pyarrow.Table]) -> Iterator[bytes]:
    """A Parquet file, with `ROW_GROUP` rows or somewhat more in each of its row groups."""
    from pyarrow import parquet

    buffer, writer = _Buffer(), None
    for table in _gather(tables):
        writer = writer or parquet.ParquetWriter(buffer, table.schema, **_choose_encodings(table.column_names))
        writer.write_table(table)
        yield buffer.drain()
    if writer:
        writer.close()
    yield buffer.drain()


def _choose_encodings(names: list[str]) -> dict[str, Any]:
    """Minutes follow each other: their differences need almost no space. In a dictionary, each of them would stand
    once, which doubles the file and takes a quarter longer."""
    return {
        "use_dictionary": [name for name in names if name != "ts"],
        "column_encoding": {"ts": "DELTA_BINARY_PACKED"},
    }


def _gather(tables: Iterable[pyarrow.Table]) -> Iterator[pyarrow.Table]:
    """Tables of `ROW_GROUP` rows or somewhat more, except the last."""
    import pyarrow

    waiting: list[pyarrow.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(map(len, waiting)) >= ROW_GROUP:
            yield pyarrow.concat_tables(waiting)
            waiting.clear()
    if waiting:
        yield pyarrow.concat_tables(waiting)


def write_arrow(tables: Iterable[pyarrow.Table]) -> Iterator[bytes]:
    """A stream of Arrow's inter-process communication format."""
    from pyarrow import ipc

    buffer, writer = _Buffer(), None
    for table in tables:
        writer = writer or ipc.new_stream(buffer, table.schema)
        writer.write_table(table)
        yield buffer.drain()
    if writer:
        writer.close()
    yield buffer.drain()


class _Buffer(io.RawIOBase):
    """A writer's output since the last `drain`. Positions count all bytes, so that offsets in a file's footer are
    right."""

    def __init__(self) -> None:
        self._written = bytearray()
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        size = memoryview(data).nbytes
        self._written += data
        self._position += size
        return size

    def tell(self) -> int:
        return self._position

    def drain(self) -> bytes:
        written = bytes(self._written)
        self._written.clear()
        return written
