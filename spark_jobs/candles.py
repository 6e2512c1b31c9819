"""Candles of every timeframe, from all minute bars of the lake.

examples:
  spark-submit spark_jobs/candles.py --lake /data/lake --to /data/candles
  spark-submit spark_jobs/candles.py --lake /data/lake --to /data/days --timeframe 1d 1w --start 2024-01-01
  python -m spark_jobs.candles --master 'local[*]' --lake var/lake --to var/candles --timeframe 1h --csv

A candle whose time is in [--start, --end) is complete, also if some of its bars are not in that range.
"""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:  # started as a file, by spark-submit
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from spark_jobs.command_line import Job, format_range, run

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

TIMEFRAMES = ("5m", "15m", "30m", "1h", "4h", "1d", "1w")
CANDLES = Path(__file__).resolve().parents[1] / "marketdata/lake/candles.sql"


def compute(spark: SparkSession, options: argparse.Namespace) -> DataFrame:
    """The candles of the views `bars`, `series` and `days`, by the SQL file that DuckDB runs too."""
    chosen = ", ".join(f"'{timeframe}'" for timeframe in options.timeframe)
    return spark.sql(
        f"""
        SELECT symbol, timestamp_millis(ts_ms) AS ts, ts_ms, session_date, open, high, low, close, volume, bar_count,
            timeframe
        FROM ({CANDLES.read_text()}) AS candles
        WHERE timeframe IN ({chosen}) AND {format_range("ts_ms", options)}
        """
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--timeframe", nargs="+", choices=TIMEFRAMES, default=list(TIMEFRAMES), help="only these (default: all)"
    )


JOB = Job(
    name="candles",
    about=__doc__ or "",
    noun="candles",
    tables=("series", "days"),
    compute=compute,
    folders=("timeframe",),
    order=("symbol", "ts_ms"),
    reach=timedelta(days=62),  # longer than the longest time without a trading day
    add_options=add_options,
)

if __name__ == "__main__":
    run(JOB)
