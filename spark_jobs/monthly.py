"""Totals of each month (UTC) of each series: bars, volume, high and low, from all minute bars of the lake.

examples:
  spark-submit spark_jobs/monthly.py --lake /data/lake --to /data/months
  python -m spark_jobs.monthly --master 'local[*]' --lake var/lake --to var/months --csv
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:  # started as a file, by spark-submit
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from spark_jobs.command_line import Job, run

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MONTHS = """
SELECT months.symbol, series.slug, months.month, months.bars, months.volume, months.high, months.low
FROM (
    SELECT symbol, trunc(timestamp_millis(ts_ms), 'MM') AS month,
        count(*) AS bars, sum(volume) AS volume, max(high) AS high, min(low) AS low
    FROM bars
    GROUP BY symbol, month
) AS months
LEFT JOIN series ON series.symbol = months.symbol
"""


def compute(spark: SparkSession, options: argparse.Namespace) -> DataFrame:
    """The months of the views `bars` and `series`. The bars are restricted to the range already."""
    return spark.sql(MONTHS)


JOB = Job(
    name="monthly",
    about=__doc__ or "",
    noun="months",
    tables=("series",),
    compute=compute,
    order=("symbol", "month"),
)

if __name__ == "__main__":
    run(JOB)
