"""Writes Parquet files of the lake, with their hash."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from marketdata.lake.columns import PRICES, make_schema
from marketdata.lake.store import Store

if TYPE_CHECKING:
    import pyarrow
    from typing_extensions import Buffer

# A year of a symbol that trades around the clock has three or four row groups. Symbols with fewer bars share one.
GROUP_ROWS = 131_072
_SHARED_ROWS = 65_536
_DELTA = ("ts", "ts_ms")
# Prices and volumes repeat within a row group: a dictionary of them is half as large as their differences.
_DICTIONARY = ["vendor", "schema", "symbol", *PRICES, "volume", "ingestion_run_id", "created_at"]


class Written(NamedTuple):
    """What a file has."""

    rows: int
    bytes: int
    sha256: str


def write_bars(store: Store, path: str, tables: Iterable[pyarrow.Table]) -> Written:
    """Write a file of bars, which come in the order of the primary key."""
    rows = 0
    with _create(store, path) as sink, _open_writer(sink, make_schema()) as writer:
        for group in _gather(tables):
            rows += len(group)
            writer.write_table(group, row_group_size=GROUP_ROWS)
    return Written(rows, sink.size, sink.sha256.hexdigest())


def write_small(store: Store, path: str, table: pyarrow.Table) -> Written:
    """Write a small table."""
    from pyarrow import parquet

    with _create(store, path) as sink:
        parquet.write_table(table, sink, compression="zstd")
    return Written(len(table), sink.size, sink.sha256.hexdigest())


def _open_writer(sink: HashingFile, schema: pyarrow.Schema) -> Any:
    from pyarrow import parquet

    return parquet.ParquetWriter(
        sink,
        schema,
        compression="zstd",
        use_dictionary=_DICTIONARY,
        column_encoding=dict.fromkeys(_DELTA, "DELTA_BINARY_PACKED"),
        write_statistics=True,
        write_page_checksum=True,  # a damaged page could otherwise be read as other prices
        sorting_columns=_list_sorting(schema),
    )


def _list_sorting(schema: pyarrow.Schema) -> Any:
    from pyarrow import parquet

    return parquet.SortingColumn.from_ordering(schema, [("symbol", "ascending"), ("ts", "ascending")])


def _gather(tables: Iterable[pyarrow.Table]) -> Iterator[pyarrow.Table]:
    """Row groups of up to `GROUP_ROWS` rows. Once a group has `_SHARED_ROWS`, the next symbol begins another one."""
    import pyarrow

    waiting: list[pyarrow.Table] = []
    rows = 0
    for table in tables:
        if waiting and (
            rows + len(table) > GROUP_ROWS or (rows >= _SHARED_ROWS and _begins_symbol(waiting[-1], table))
        ):
            yield pyarrow.concat_tables(waiting)
            waiting, rows = [], 0
        waiting.append(table)
        rows += len(table)
    if waiting:
        yield pyarrow.concat_tables(waiting)


def _begins_symbol(before: pyarrow.Table, table: pyarrow.Table) -> bool:
    begins: bool = before["symbol"][-1] != table["symbol"][0]
    return begins


@contextlib.contextmanager
def _create(store: Store, path: str) -> Iterator[HashingFile]:
    with store.create(path) as file:
        yield HashingFile(file)


class HashingFile(io.RawIOBase):
    """Passes what is written to another file, and computes its size and SHA-256."""

    def __init__(self, file: Any) -> None:
        self.size = 0
        self.sha256 = hashlib.sha256()
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        self._file.write(data)
        self.sha256.update(data)
        size = memoryview(data).nbytes
        self.size += size
        return size

    def tell(self) -> int:
        return self.size
