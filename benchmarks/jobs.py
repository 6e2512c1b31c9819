"""(f) A folder of files, one and two at a time: files of different series, which load in parallel, and files of one
series, which load one after the other.

    .venv/bin/python -m benchmarks.jobs [--files 8] [--rows 250000] [--rounds 3]

On two cores two jobs cannot halve the time: while a file loads, the server works on one core and the loader on another.
"""

from __future__ import annotations

import json
import tempfile
from datetime import date
from pathlib import Path

from benchmarks.harness.measure import Measurement, empty_tables, execute, ingest, write_plain, write_sample
from benchmarks.harness.options import read_options
from benchmarks.harness.result import BenchmarkResult
from benchmarks.harness.scratch import scratch_database, set_up_django

MANY, ONE = "files of different series", "files of one series"


def main() -> None:
    options = read_options(about=__doc__, files=8, rows=250_000, rounds=3)
    set_up_django()
    with tempfile.TemporaryDirectory() as folder, scratch_database() as url:
        result = BenchmarkResult("jobs", "A folder, one and two files at a time", unit="s", options=options)
        folders = {kind: Path(folder) / kind for kind in (MANY, ONE)}
        for each in folders.values():
            each.mkdir()
        for number in range(options.files):
            write_plain(folders[MANY] / f"{number}.dbn.zst", options.rows, [f"S{number}"], seed=number)
            # A year per file: with more rows than a year has, files would overlap.
            write_sample(folders[ONE] / f"{number}.dbn.zst", options.rows, first_day=date(2000 + number, 1, 3))
        for _ in range(options.rounds):
            for kind, path in folders.items():
                for jobs in (1, 2):
                    empty_tables()
                    measured = ingest(url, path, jobs=jobs)
                    _check(measured, options.files * options.rows)
                    result.add(kind, f"--jobs {jobs}", measured.seconds)
        for kind in folders:
            result.check_ratio((kind, "--jobs 1"), (kind, "--jobs 2"))
        result.finish()


def _check(measured: Measurement, rows: int) -> None:
    """`SystemExit` unless all files are loaded and the table has their bars."""
    [(stored,)] = execute("SELECT count(*) FROM market_bars_ohlcv_1m")
    if not json.loads(measured.output)["ok"] or stored != rows:
        raise SystemExit(f"Expected {rows:,} stored bars, found {stored:,}: {measured.output}")


if __name__ == "__main__":
    main()
