"""(c) The loader's peak memory for files of several sizes.

.venv/bin/python -m benchmarks.memory [--sizes 100000 1000000 10000000]

One round, since the figure hardly varies. The kernel reports the peak of the `ingest_dbn` process, without the
server.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.harness.measure import empty_tables, ingest, write_sample
from benchmarks.harness.options import read_options
from benchmarks.harness.result import BenchmarkResult
from benchmarks.harness.scratch import scratch_database, set_up_django

MAX_MIB = 160


def main() -> None:
    options = read_options(about=__doc__, sizes=[100_000, 1_000_000, 10_000_000])
    set_up_django()
    with tempfile.TemporaryDirectory() as folder, scratch_database() as url:
        result = BenchmarkResult("memory", "Peak memory of the loader", unit="MiB", options=options)
        peaks = []
        for rows in options.sizes:
            path = write_sample(Path(folder) / f"{rows}.dbn.zst", rows)
            empty_tables()
            for turn in ("fresh", "again unchanged"):
                peaks.append(ingest(url, path).peak_mib)
                result.add(f"{rows:,} rows", turn, peaks[-1])
            path.unlink()
        result.check("highest peak, MiB", max(peaks), "<=", MAX_MIB)
        result.finish()


if __name__ == "__main__":
    main()
