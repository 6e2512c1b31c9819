"""pandas: a data frame and to_sql. It can only append, and prices are floats.

    DATABASE_URL=… python -m benchmarks.ways.pandas_to_sql FILE

It uses to_sql's default method, which SQLAlchemy turns into INSERTs of 1,000 rows. method="multi" needed three times as
long with 1,000 to 5,000 rows each. Run 1 must exist.
"""

from __future__ import annotations

import os
import sys
import warnings

import databento
import sqlalchemy

ROWS_AT_ONCE = 10_000  # bounds the memory; no slower than all rows at once


def main(path: str) -> None:
    warnings.simplefilter("ignore")
    frame = databento.DBNStore.from_file(path).to_df(map_symbols=False).reset_index()
    bars = frame[["open", "high", "low", "close", "volume"]].copy()
    bars["volume"] = bars["volume"].astype("int64")  # to_sql refuses unsigned integers
    bars["ts"] = frame["ts_event"]
    bars["ts_ms"] = frame["ts_event"].dt.as_unit("ms").astype("int64")
    bars["symbol"] = "CME_MINI:MNQ1!"
    bars["ingestion_run_id"] = 1
    engine = sqlalchemy.create_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg2://"))
    with engine.begin() as connection:
        bars.to_sql("market_bars_ohlcv_1m", connection, if_exists="append", index=False, chunksize=ROWS_AT_ONCE)


if __name__ == "__main__":
    main(*sys.argv[1:])
