"""The floor: one COPY BINARY of rows prepared beforehand, into the same table with its key, checks and triggers.

    DATABASE_URL=… python -m benchmarks.ways.floor FILE

It decodes and validates nothing. Run 1 must exist. The output is the seconds of COPY and COMMIT alone.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import psycopg2

COPY = """
COPY market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)
FROM STDIN (FORMAT BINARY)
"""


def main(path: str) -> None:
    with Path(path).open("rb") as rows, psycopg2.connect(os.environ["DATABASE_URL"]) as connection:
        started = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.copy_expert(COPY, rows, 1 << 20)
        connection.commit()
        print(time.perf_counter() - started)


if __name__ == "__main__":
    main(*sys.argv[1:])
