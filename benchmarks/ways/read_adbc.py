"""ADBC: the rows as Arrow batches, each of which is written when it arrives.

    DATABASE_URL=… python -m benchmarks.ways.read_adbc csv|parquet|arrow FILE

Prices stay exact: ADBC returns NUMERIC as text, which Arrow casts to decimals. A CSV file gets the text as it is.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import adbc_driver_postgresql.dbapi
import pyarrow
from pyarrow import csv, ipc, parquet

from benchmarks.harness.reading import QUERY, measure_export

TYPES = dict.fromkeys(("open", "high", "low", "close"), pyarrow.decimal128(20, 9)) | {"volume": pyarrow.uint64()}


def export(file_format: str, path: Path) -> None:
    url = os.environ["DATABASE_URL"]
    with adbc_driver_postgresql.dbapi.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(QUERY)
        batches = _convert(cursor.fetch_record_batch(), as_text=file_format == "csv")
        first = next(batches)
        open_writer = {"csv": csv.CSVWriter, "parquet": parquet.ParquetWriter, "arrow": ipc.new_stream}[file_format]
        with open_writer(path, first.schema) as writer:
            for table in itertools.chain([first], batches):
                writer.write_table(table)


def _convert(batches: pyarrow.RecordBatchReader, *, as_text: bool) -> Iterator[pyarrow.Table]:
    for batch in batches:
        table = pyarrow.table(
            [column.storage if isinstance(column, pyarrow.ExtensionArray) else column for column in batch.columns],
            batch.schema.names,
        )
        if not as_text:
            for name, type_ in TYPES.items():
                table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(type_))
        yield table


if __name__ == "__main__":
    measure_export(export)
