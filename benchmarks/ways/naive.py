"""The common way: a data frame, its rows one by one, execute_values, ON CONFLICT DO UPDATE.

    DATABASE_URL=… python -m benchmarks.ways.naive FILE

It writes to the same table and validates nothing.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

import databento
import psycopg2
from psycopg2.extras import execute_values

STAGE = """
CREATE TEMPORARY TABLE naive_bars (symbol text, ts timestamptz, ts_ms bigint,
    open numeric, high numeric, low numeric, close numeric, volume numeric, run_id bigint) ON COMMIT DROP
"""
UPSERT = """
INSERT INTO market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)
SELECT * FROM naive_bars
ON CONFLICT (symbol, ts) DO UPDATE SET open = excluded.open, high = excluded.high, low = excluded.low,
    close = excluded.close, volume = excluded.volume, ingestion_run_id = excluded.ingestion_run_id
"""
RUN = """
INSERT INTO data_ingest_runs (vendor, dataset, vendor_dataset, schema, symbols, file_name, file_path, file_sha256,
    requested_symbol, replace_instrument, status, started_at, error, row_count, inserted_count, updated_count,
    changed_count, duplicate_count, removed_count, gap_count)
VALUES ('databento', '', '', 'ohlcv-1m', '{}', 'naive', 'naive', '', '', false, 'running', now(), '',
    0, 0, 0, 0, 0, 0, 0)
RETURNING id
"""


def main(path: str) -> None:
    warnings.simplefilter("ignore")
    frame = databento.DBNStore.from_file(path).to_df()
    with psycopg2.connect(os.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        cursor.execute(RUN)
        [(run_id,)] = cursor.fetchall()
        cursor.execute(STAGE)
        rows = []
        ts: Any  # a pandas Timestamp
        for ts, row in frame.iterrows():
            rows.append(
                (
                    "CME_MINI:MNQ1!",
                    ts.to_pydatetime(),
                    int(ts.timestamp() * 1000),
                    row["open"],
                    row["high"],
                    row["low"],
                    row["close"],
                    int(row["volume"]),
                    run_id,
                )
            )
        execute_values(cursor, "INSERT INTO naive_bars VALUES %s", rows, page_size=10_000)
        cursor.execute(UPSERT)


if __name__ == "__main__":
    main(*sys.argv[1:])
