"""(h) What a small file costs: nearly all of it is the start of Python and Django.

.venv/bin/python -m benchmarks.startup [--rows 1000] [--rounds 15]

The processor's time is that of the whole process of `ingest_dbn`, without the server's.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.harness.measure import counts_of, empty_tables, ingest, write_sample
from benchmarks.harness.options import read_options
from benchmarks.harness.scratch import scratch_database, set_up_django
from benchmarks.harness.sheet import Sheet

PROCESSOR, WHOLE, ROWS = "processor's time", "from start to end", "of that, its run"
MAX_SECONDS = 0.6


def main() -> None:
    options = read_options(about=__doc__, rows=1_000, rounds=15)
    set_up_django()
    with tempfile.TemporaryDirectory() as folder, scratch_database() as url:
        sheet = Sheet("startup", "One small file", unit="s", options=options)
        path = write_sample(Path(folder) / "small.dbn.zst", options.rows)
        ingest(url, path)  # the first one compiles what a new checkout has not compiled yet
        for _ in range(options.rounds):
            empty_tables()
            for turn in ("fresh", "again unchanged"):
                taken = ingest(url, path)
                sheet.add(turn, PROCESSOR, taken.cpu_seconds)
                sheet.add(turn, WHOLE, taken.seconds)
                sheet.add(turn, ROWS, counts_of(taken)["seconds"])
        sheet.hold("fresh, processor's time", sheet.median("fresh", PROCESSOR), "<=", MAX_SECONDS)
        sheet.finish()


if __name__ == "__main__":
    main()
