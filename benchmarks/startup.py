"""(h) A small file: most of the time is the start of Python and Django.

.venv/bin/python -m benchmarks.startup [--rows 1000] [--rounds 15]

CPU time is that of the complete `ingest_dbn` process, without the server's.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.harness.measure import empty_tables, ingest, read_counts, write_sample
from benchmarks.harness.options import read_options
from benchmarks.harness.result import BenchmarkResult
from benchmarks.harness.scratch import scratch_database, set_up_django

CPU, ELAPSED, RUN = "CPU time", "elapsed time", "of that, the run"
MAX_SECONDS = 0.45


def main() -> None:
    options = read_options(about=__doc__, rows=1_000, rounds=15)
    set_up_django()
    with tempfile.TemporaryDirectory() as folder, scratch_database() as url:
        result = BenchmarkResult("startup", "One small file", unit="s", options=options)
        path = write_sample(Path(folder) / "small.dbn.zst", options.rows)
        ingest(url, path)  # compiles the modules of a new checkout, which the figures must not include
        for _ in range(options.rounds):
            empty_tables()
            for turn in ("fresh", "again unchanged"):
                measured = ingest(url, path)
                result.add(turn, CPU, measured.cpu_seconds)
                result.add(turn, ELAPSED, measured.seconds)
                result.add(turn, RUN, read_counts(measured)["seconds"])
        result.check("fresh, CPU time", result.median("fresh", CPU), "<=", MAX_SECONDS)
        result.finish()


if __name__ == "__main__":
    main()
