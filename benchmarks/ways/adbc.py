"""The way of Arrow: a data frame, ADBC's bulk ingest into a temporary table, ON CONFLICT DO UPDATE. Prices go through
floats, and are rounded to 9 decimals on their way to NUMERIC.

    DATABASE_URL=… python benchmarks/ways/adbc.py FILE

Run 1 must exist.
"""

from __future__ import annotations

import os
import sys
import warnings

import adbc_driver_postgresql.dbapi
import databento
import pyarrow

UPSERT = """
INSERT INTO market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)
SELECT 'CME_MINI:MNQ1!', ts_event, (extract(epoch FROM ts_event) * 1000)::bigint,
    round(open::numeric, 9), round(high::numeric, 9), round(low::numeric, 9), round(close::numeric, 9), volume, 1
FROM adbc_bars
ON CONFLICT (symbol, ts) DO UPDATE SET open = excluded.open, high = excluded.high, low = excluded.low,
    close = excluded.close, volume = excluded.volume, ingestion_run_id = excluded.ingestion_run_id
"""


def main(path: str) -> None:
    warnings.simplefilter("ignore")
    frame = databento.DBNStore.from_file(path).to_df().reset_index()
    frame["volume"] = frame["volume"].astype("int64")
    table = pyarrow.Table.from_pandas(
        frame[["ts_event", "open", "high", "low", "close", "volume"]], preserve_index=False
    )
    with adbc_driver_postgresql.dbapi.connect(os.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("adbc_bars", table, mode="create", temporary=True)
        cursor.execute(UPSERT)
        connection.commit()


if __name__ == "__main__":
    main(*sys.argv[1:])
