"""(d) A million bars of one symbol, and of 500.

.venv/bin/python -m benchmarks.symbols [--rows 1000000] [--symbols 500] [--rounds 3]

Both files have the same number of rows, rounded down to complete minutes. The symbols of a minute follow one another,
as in the vendor's files.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.harness.measure import empty_tables, ingest, read_counts, write_plain
from benchmarks.harness.options import read_options
from benchmarks.harness.result import BenchmarkResult
from benchmarks.harness.scratch import scratch_database, set_up_django


def main() -> None:
    options = read_options(about=__doc__, rows=1_000_000, symbols=500, rounds=3)
    set_up_django()
    with tempfile.TemporaryDirectory() as folder, scratch_database() as url:
        result = BenchmarkResult("symbols", "One symbol and many in a file", unit="s", options=options)
        paths = {count: _write_file(Path(folder), options.rows, count) for count in (1, options.symbols)}
        for _ in range(options.rounds):
            for count, path in paths.items():
                empty_tables()
                for turn, counted in (("fresh", "inserted"), ("again unchanged", "identical")):
                    measured = ingest(url, path)
                    if read_counts(measured)[counted] != options.rows // count * count:
                        raise SystemExit(f"Expected {counted} rows only: {measured.output}")
                    result.add(_row(count), turn, measured.seconds)
        for turn in ("fresh", "again unchanged"):
            result.check_ratio((_row(options.symbols), turn), (_row(1), turn))
        result.finish()


def _write_file(folder: Path, rows: int, count: int) -> Path:
    return write_plain(folder / f"{count}.dbn.zst", rows, [f"S{number}" for number in range(count)])


def _row(count: int) -> str:
    return f"{count:,} symbols" if count > 1 else "1 symbol"


if __name__ == "__main__":
    main()
