"""The way of pandas: a data frame, to_sql. It can only append; prices go through floats.

    DATABASE_URL=… python benchmarks/ways/pandas_to_sql.py FILE

Chunks of 5,000 rows in one INSERT each (method="multi"); the default, one INSERT per row, takes longer. Run 1 must
exist.
"""

from __future__ import annotations

import os
import sys
import warnings

import databento
import sqlalchemy


def main(path: str) -> None:
    warnings.simplefilter("ignore")
    frame = databento.DBNStore.from_file(path).to_df().reset_index()
    bars = frame[["open", "high", "low", "close", "volume"]].copy()
    bars["volume"] = bars["volume"].astype("int64")  # to_sql takes no unsigned integers
    bars["ts"] = frame["ts_event"]
    bars["ts_ms"] = frame["ts_event"].astype("int64") // (10**6 if frame["ts_event"].dt.unit == "ns" else 10**3)
    bars["symbol"] = "CME_MINI:MNQ1!"
    bars["ingestion_run_id"] = 1
    engine = sqlalchemy.create_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg2://"))
    with engine.begin() as connection:
        bars.to_sql("market_bars_ohlcv_1m", connection, if_exists="append", index=False, method="multi", chunksize=5000)


if __name__ == "__main__":
    main(*sys.argv[1:])
