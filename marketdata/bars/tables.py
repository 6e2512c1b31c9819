"""Arrow tables of bars and candles, and the files that they are written to.

pyarrow takes a second to import, which every other request would pay for: functions import it when a file is requested.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from marketdata.formatting import escape_formula

if TYPE_CHECKING:
    import pyarrow
    from typing_extensions import Buffer

PRICES = ("open", "high", "low", "close")


def make_price_type(*, as_text: bool) -> pyarrow.DataType:
    """decimal128(20, 9), which has every int64 count of 1e-9, or text for CSV: Arrow would write zero as 0E-9."""
    import pyarrow

    return pyarrow.string() if as_text else pyarrow.decimal128(20, 9)


def write_csv(tables: Iterable[pyarrow.Table]) -> Iterator[bytes]:
    """A header and a line for each row, of tables of one symbol with prices as text. Times are ISO 8601 in UTC.

    A symbol that a spreadsheet would read as a formula has an apostrophe before it.
    """
    import pyarrow
    from pyarrow import compute

    for number, table in enumerate(tables):
        if number == 0:
            yield ",".join(table.column_names).encode() + b"\n"
        if not len(table):
            continue
        symbols = pyarrow.chunked_array([pyarrow.repeat(escape_formula(table["symbol"][0].as_py()), len(table))])
        *columns, last = map(_to_text, [symbols, *table.columns[1:]])
        ends = compute.binary_join_element_wise(last, "\n", "")
        yield _read_text(compute.binary_join_element_wise(*columns, ends, ","))


def _to_text(column: pyarrow.ChunkedArray) -> pyarrow.StringArray:
    import pyarrow
    from pyarrow import compute

    array = column.combine_chunks()
    if pyarrow.types.is_timestamp(array.type):
        minutes = array.cast(pyarrow.timestamp("s")).cast(pyarrow.string())
        return compute.binary_join_element_wise(compute.replace_substring(minutes, " ", "T"), "+00:00", "")
    if pyarrow.types.is_string(array.type):
        quoted = compute.binary_join_element_wise("", compute.replace_substring(array, '"', '""'), "", '"')
        return compute.if_else(compute.match_substring_regex(array, '[",\r\n]'), quoted, array)
    return array.cast(pyarrow.string())


def _read_text(array: pyarrow.StringArray) -> bytes:
    """The texts of an array one after the other: Arrow stores them so."""
    import pyarrow

    _, offsets, texts = array.buffers()
    bounds = memoryview(offsets).cast("i")[array.offset : array.offset + len(array) + 1]
    return pyarrow.py_buffer(texts)[bounds[0] : bounds[-1]].to_pybytes() if len(array) else b""


def write_parquet(tables: Iterable[pyarrow.Table]) -> Iterator[bytes]:
    """A Parquet file, a row group for each table."""
    from pyarrow import parquet

    buffer, writer = _Buffer(), None
    for table in tables:
        writer = writer or parquet.ParquetWriter(buffer, table.schema)
        writer.write_table(table)
        yield buffer.drain()
    if writer:
        writer.close()
    yield buffer.drain()


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
