"""The floor: one COPY BINARY of rows prepared beforehand, into the same table with its key, checks and triggers.

    DATABASE_URL=… python -m benchmarks.ways.floor FILE

It decodes and validates nothing. Run 1 must exist.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psycopg2

COPY = """
COPY market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)
FROM STDIN (FORMAT BINARY)
"""


def main(path: str) -> None:
    with (
        Path(path).open("rb") as rows,
        psycopg2.connect(os.environ["DATABASE_URL"]) as connection,
        connection.cursor() as cursor,
    ):
        cursor.copy_expert(COPY, rows, 1 << 20)


if __name__ == "__main__":
    main(*sys.argv[1:])
