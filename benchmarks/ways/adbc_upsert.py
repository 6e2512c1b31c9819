"""Arrow, staged: a data frame, ADBC's bulk ingest into a temporary table, ON CONFLICT DO UPDATE.

    DATABASE_URL=… python -m benchmarks.ways.adbc_upsert FILE

Prices stay exact: they are the vendor's integers (price_type="fixed") until the server scales them to NUMERIC. Floats,
the default of to_df, take longer, and the server has to round them. Run 1 must exist.
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
    open * 0.000000001, high * 0.000000001, low * 0.000000001, close * 0.000000001, volume, 1
FROM adbc_bars
ON CONFLICT (symbol, ts) DO UPDATE SET open = excluded.open, high = excluded.high, low = excluded.low,
    close = excluded.close, volume = excluded.volume, ingestion_run_id = excluded.ingestion_run_id
"""


def main(path: str) -> None:
    warnings.simplefilter("ignore")
    frame = databento.DBNStore.from_file(path).to_df(price_type="fixed", map_symbols=False).reset_index()
    frame["volume"] = frame["volume"].astype("int64")  # PostgreSQL has no unsigned integers
    table = pyarrow.Table.from_pandas(
        frame[["ts_event", "open", "high", "low", "close", "volume"]], preserve_index=False
    )
    with adbc_driver_postgresql.dbapi.connect(os.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("adbc_bars", table, mode="create", temporary=True)
        cursor.execute(UPSERT)
        connection.commit()


if __name__ == "__main__":
    main(*sys.argv[1:])
