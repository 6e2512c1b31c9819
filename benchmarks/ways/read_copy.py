"""The floor: one COPY … TO STDOUT, as psql's \\copy.

DATABASE_URL=… python -m benchmarks.ways.read_copy csv FILE
"""

from __future__ import annotations

import os
from pathlib import Path

import psycopg2

from benchmarks.harness.reading import QUERY, measure_export


def export(file_format: str, path: Path) -> None:
    with (
        path.open("wb") as file,
        psycopg2.connect(os.environ["DATABASE_URL"]) as connection,
        connection.cursor() as cursor,
    ):
        cursor.copy_expert(f"COPY ({QUERY}) TO STDOUT (FORMAT {file_format})", file)


if __name__ == "__main__":
    measure_export(export)
