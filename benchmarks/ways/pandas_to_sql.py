"""The way of pandas: a data frame and to_sql. It can only append; prices go through floats.

    DATABASE_URL=… python -m benchmarks.ways.pandas_to_sql FILE

With to_sql's default method, which SQLAlchemy turns into INSERTs of 1,000 rows each: method="multi" took three times as
long with chunks of 1,000 to 5,000 rows. Run 1 must exist.
"""

from __future__ import annotations

import os
import sys
import warnings

import databento
import sqlalchemy

CHUNK = 10_000  # bounds the memory; takes as long as all at once


def main(path: str) -> None:
    warnings.simplefilter("ignore")
    frame = databento.DBNStore.from_file(path).to_df(map_symbols=False).reset_index()
    bars = frame[["open", "high", "low", "close", "volume"]].copy()
    bars["volume"] = bars["volume"].astype("int64")  # to_sql takes no unsigned integers
    bars["ts"] = frame["ts_event"]
    bars["ts_ms"] = frame["ts_event"].dt.as_unit("ms").astype("int64")
    bars["symbol"] = "CME_MINI:MNQ1!"
    bars["ingestion_run_id"] = 1
    engine = sqlalchemy.create_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg2://"))
    with engine.begin() as connection:
        bars.to_sql("market_bars_ohlcv_1m", connection, if_exists="append", index=False, chunksize=CHUNK)


if __name__ == "__main__":
    main(*sys.argv[1:])
