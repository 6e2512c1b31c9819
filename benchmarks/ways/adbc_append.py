"""Arrow, appended: ADBC's bulk ingest into the table. It can only append.

    DATABASE_URL=… python -m benchmarks.ways.adbc_append FILE

Prices stay exact: the vendor's integers (1e-9) become Arrow decimals with 9 places, which ADBC sends as NUMERIC. Run 1
must exist.
"""

from __future__ import annotations

import os
import sys
import warnings

import adbc_driver_postgresql.dbapi
import databento
import numpy as np
import pyarrow


def main(path: str) -> None:
    warnings.simplefilter("ignore")
    frame = databento.DBNStore.from_file(path).to_df(price_type="fixed", map_symbols=False).reset_index()
    prices = {name: to_decimals(frame[name].to_numpy(), places=9) for name in ("open", "high", "low", "close")}
    table = pyarrow.table(
        {
            "symbol": pyarrow.array(["CME_MINI:MNQ1!"]).take(pyarrow.array(np.zeros(len(frame), np.int32))),
            "ts": pyarrow.array(frame["ts_event"]),
            "ts_ms": pyarrow.array(frame["ts_event"].dt.as_unit("ms").astype("int64")),
            **prices,
            "volume": to_decimals(frame["volume"].to_numpy().astype(np.int64), places=0),
            "ingestion_run_id": pyarrow.array(np.ones(len(frame), np.int64)),
        }
    )
    with adbc_driver_postgresql.dbapi.connect(os.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("market_bars_ohlcv_1m", table, mode="append")
        connection.commit()


def to_decimals(counts: np.ndarray, *, places: int) -> pyarrow.Array:
    """Convert int64 counts to Arrow decimals of `places` digits, stored as 128-bit integers, low half first."""
    halves = np.stack([counts, counts >> 63], axis=1)
    return pyarrow.Array.from_buffers(
        pyarrow.decimal128(19, places), len(counts), [None, pyarrow.py_buffer(np.ascontiguousarray(halves))]
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
