"""What a job computes, by DuckDB on two threads: `python -m benchmarks.spark.duck monthly|5m|1h|1d LAKE OUT`."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.harness.scratch import ROOT

MONTHS = """
SELECT symbol, date_trunc('month', ts AT TIME ZONE 'UTC') AS month, count(*) AS bars, sum(volume) AS volume,
    max(high) AS high, min(low) AS low
FROM bars
GROUP BY ALL
"""


def main() -> None:
    import duckdb

    job, lake, out = sys.argv[1:]
    connection = duckdb.connect()
    connection.sql("SET threads = 2")
    connection.sql(f"CREATE VIEW bars AS FROM read_parquet('{lake}/**/*.parquet', hive_partitioning = true)")
    for name in ("series", "days"):
        connection.sql(f"CREATE VIEW {name} AS FROM read_parquet('{lake}/_lake/{name}-*.pq')")
    candles = (ROOT / "marketdata/lake/candles.sql").read_text()
    query = MONTHS if job == "monthly" else f"FROM ({candles}) WHERE timeframe = '{job}'"
    connection.sql(f"COPY ({query}) TO '{out}' (FORMAT parquet, COMPRESSION zstd)")
    print(connection.sql(f"SELECT count(*) FROM '{out}'").fetchall()[0][0])
    Path(out).unlink()


if __name__ == "__main__":
    main()
