"""The jobs of `spark_jobs` and DuckDB on lakes of 1, 2 and 4 times the 15 years of the NQ family: seconds and memory.

    .venv/bin/python -m benchmarks.spark [--units 1 2 4] [--to FOLDER]

A unit has 6.6 million generated bars; `--units 0.05` tries it. The result is written to results/spark.txt if no size is
missing. It needs .venv/spark and Java 17, and no database. Peak memory is that of all processes: driver and executors.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.harness.result import RESULTS
from benchmarks.spark.generate import generate_lake
from benchmarks.spark.processes import Measured, make_spark_home, measure

PUBLISHED = [1.0, 2.0, 4.0]
JOBS = ("monthly", "1d", "5m")
MASTERS = ("local[2]", "local-cluster[2,1,1024]")
PYTHON = Path(sys.prefix) / "spark/bin/python"


def main() -> None:
    options = _read_options()
    lines = [_describe_machine(), "", _format_line("bars", "result", "engine", "s", "peak MiB", "rows")]
    print("\n".join(lines), flush=True)
    with tempfile.TemporaryDirectory(prefix="barkeep-spark-") as scratch:
        for line in _measure_all(Path(scratch), options.units):
            print(line, flush=True)
            lines.append(line)
    lines.append(f"\nload average {os.getloadavg()[0]:.2f} after")
    if options.to or set(PUBLISHED) <= set(options.units):
        ((options.to or RESULTS) / "spark.txt").write_text("\n".join(lines) + "\n")


def _measure_all(scratch: Path, sizes: Sequence[float]) -> Iterator[str]:
    """A line for each size, job and engine. `SystemExit` if two engines have different numbers of rows."""
    lake, home = scratch / "lake", scratch / "home"
    home.mkdir()
    environment = make_spark_home(home, PYTHON)
    for units in sizes:
        bars = generate_lake(lake, units)
        for job in JOBS:
            rows = set()
            for engine in (*MASTERS, "duckdb"):
                found = _measure(job, engine, lake, scratch / "out", environment)
                rows.add(found.rows)
                seconds, peak = f"{found.seconds:.1f}", f"{found.peak_mib:,.0f}"
                yield _format_line(f"{bars:,}", job, engine, seconds, peak, f"{found.rows:,}")
            if len(rows) > 1:
                raise SystemExit(f"The engines have different numbers of rows: {sorted(rows)}.")
        shutil.rmtree(lake)


def _format_line(bars: str, job: str, engine: str, seconds: str, peak: str, rows: str) -> str:
    return f"{bars:>12}  {job:<8} {engine:<24} {seconds:>8} {peak:>9} {rows:>11}"


def _measure(job: str, engine: str, lake: Path, out: Path, environment: dict[str, str]) -> Measured:
    if engine == "duckdb":
        return measure([sys.executable, "-m", "benchmarks.spark.duck", job, str(lake), f"{out}.parquet"], {})
    name, choice = ("monthly", []) if job == "monthly" else ("candles", ["--timeframe", job])
    command = [str(PYTHON), "-m", f"spark_jobs.{name}", "--master", engine, "--lake", str(lake), "--to", str(out)]
    try:
        return measure(command + choice, environment)
    finally:
        shutil.rmtree(out, ignore_errors=True)


def _describe_machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = f"python {platform.python_version()}, duckdb {version('duckdb')}"
    load = f"load average {os.getloadavg()[0]:.2f} before"
    return f"Complete processes. Cores {os.cpu_count()}, memory {memory:.1f} GiB, {versions}, {load}."


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--units", nargs="+", type=float, default=PUBLISHED, help="sizes; 1 is 6.6 million bars")
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="write the result to this folder, whatever its sizes")
    options = parser.parse_args()
    if min(options.units) <= 0:
        parser.error("a size is a positive number")
    return options


if __name__ == "__main__":
    main()
