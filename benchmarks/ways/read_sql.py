"""pandas: read_sql through SQLAlchemy and psycopg2, then to_csv, to_parquet, or Arrow. Prices are floats.

    DATABASE_URL=… python -m benchmarks.ways.read_sql csv|parquet|arrow FILE

It reads all rows at once, as the documentation of pandas does. coerce_float=False would keep prices exact.
"""

from __future__ import annotations

import os
from pathlib import Path

import pandas
import pyarrow
import sqlalchemy
from pyarrow import ipc, parquet  # noqa: F401  # to_parquet needs it, and loads it late

from benchmarks.harness.reading import QUERY, measure_export


def export(file_format: str, path: Path) -> None:
    engine = sqlalchemy.create_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg2://"))
    with engine.connect() as connection:
        frame = pandas.read_sql(sqlalchemy.text(QUERY.replace(":", r"\:")), connection)
    if file_format == "csv":
        frame.to_csv(path, index=False)
    elif file_format == "parquet":
        frame.to_parquet(path, index=False)
    else:
        table = pyarrow.Table.from_pandas(frame, preserve_index=False)
        with ipc.new_stream(path, table.schema) as writer:
            writer.write_table(table)


if __name__ == "__main__":
    measure_export(export)
