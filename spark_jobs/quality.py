"""Quality checks over all minute bars of the lake: one row for each finding.

examples:
  spark-submit spark_jobs/quality.py --lake /data/lake --to /data/findings
  spark-submit spark_jobs/quality.py --lake /data/lake --to /data/gaps --kinds missing_minutes --start 2024-01-01
  python -m spark_jobs.quality --master 'local[*]' --lake var/lake --to var/findings --symbols CME_MINI:MNQ1! --csv

With --start and --end, the findings that begin in this range. README.md describes the kinds.
"""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:  # started as a file, by spark-submit
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from spark_jobs.checks import CHECKS
from spark_jobs.command_line import Job, format_range, run

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def compute(spark: SparkSession, options: argparse.Namespace) -> DataFrame:
    """The findings of the chosen kinds in the views `bars`, `series` and `sessions`."""
    chosen = [spark.sql(CHECKS[kind]) for kind in CHECKS if kind in options.kinds]
    found = chosen[0]
    for other in chosen[1:]:
        found = found.unionByName(other)
    return found.where(format_range("start_ms", options)).selectExpr(
        "symbol",
        "kind",
        "timestamp_millis(start_ms) AS start_ts",
        "timestamp_millis(end_ms) AS end_ts",
        "bars",
        "value",
        "threshold",
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kinds", nargs="+", choices=list(CHECKS), default=list(CHECKS), help="only these checks")


JOB = Job(
    name="quality",
    about=__doc__ or "",
    noun="findings",
    tables=("series", "sessions"),
    compute=compute,
    order=("symbol", "start_ts", "kind"),
    reach=timedelta(days=62),
    add_options=add_options,
)

if __name__ == "__main__":
    run(JOB)
