"""Copies the bars of lake files into the table of a year, row group by row group."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg2 import sql

from ingestion.errors import InputError
from marketdata.lake.columns import COLUMNS
from marketdata.lake.manifest import LakeFile
from marketdata.lake.store import Store
from marketdata.lake.verification.bars import iterate_bars
from marketdata.lake.verification.verify import read_file
from marketdata.partitions.years import partition_name

if TYPE_CHECKING:
    import pyarrow

_COPY = sql.SQL("COPY {table} ({columns}) FROM STDIN (FORMAT CSV)").format
_SLICE_ROWS = 65_536  # their text has 8 MB


def copy_files(
    cursor: CursorWrapper, store: Store, files: list[LakeFile], year: int, *, advance: Callable[[int], None]
) -> None:
    """Copy all bars of the files, with all columns. `advance` is called with the number of rows copied since.

    Raises `InputError` for a file that is missing, or has another SHA-256 than in the manifest.
    """
    import pyarrow
    from pyarrow import parquet

    columns = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
    statement = _COPY(table=sql.Identifier(partition_name(year)), columns=columns).as_string(cursor.connection)
    for file in files:
        content, damages = read_file(store, file)
        if content is None or damages:
            raise InputError(
                f"The files of {year} in {store.name} are not right, so nothing was restored: restore them from a "
                f"backup. {damages[0]}"
            )
        for group in iterate_bars(parquet.ParquetFile(pyarrow.BufferReader(content))):
            for start in range(0, len(group), _SLICE_ROWS):
                rows = group.slice(start, _SLICE_ROWS)
                with connection.wrap_database_errors:
                    cursor.copy_expert(statement, io.BytesIO(_to_csv(rows)))
                advance(len(rows))


def _to_csv(table: pyarrow.Table) -> bytes:
    """PostgreSQL's CSV. Arrow writes decimals and times exactly, and quotes every text."""
    import pyarrow
    from pyarrow import csv

    sink = pyarrow.BufferOutputStream()
    csv.write_csv(table, sink, csv.WriteOptions(include_header=False, quoting_style="needed"))
    content: bytes = sink.getvalue().to_pybytes()
    return content
