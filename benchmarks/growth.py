"""(b) A million bars appended to a series that has none, 10 million or 30 million.

    .venv/bin/python -m benchmarks.growth [--rows 1000000] [--sizes 0 10000000 30000000] [--rounds 3]

Each size has a scratch database of its own, so that the sizes alternate. The server generates the bars that the series
has before (INSERT … SELECT generate_series, other years of the same series), then VACUUM and CHECKPOINT. After each
measurement the benchmark deletes the appended bars and vacuums the table.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

from benchmarks.harness.measure import empty_tables, execute, ingest, invent_bars, read_counts, vacuum, write_sample
from benchmarks.harness.options import read_options
from benchmarks.harness.result import BenchmarkResult
from benchmarks.harness.scratch import NAME, scratch_database, set_up_django, switch_to

SYMBOL = "CME_MINI:MNQ1!"
FIRST = datetime(1930, 1, 1, tzinfo=UTC)  # more than 30 million minutes before the file's years
APPENDED = date(2000, 1, 3)
APPEND = "append"
_DELETE_APPENDED = "DELETE FROM market_bars_ohlcv_1m WHERE symbol = %s AND ts >= %s"


def main() -> None:
    options = read_options(about=__doc__, rows=1_000_000, sizes=[0, 10_000_000, 30_000_000], rounds=3)
    set_up_django()
    result = BenchmarkResult("growth", "Appending to a series that has bars already", unit="s", options=options)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as databases:
        path = write_sample(Path(folder) / "bars.dbn.zst", options.rows, first_day=APPENDED)
        urls = {size: _fill_database(databases, size) for size in options.sizes}
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds} …", file=sys.stderr)
            for size, url in urls.items():
                switch_to(f"{NAME}_{size}")
                execute("CHECKPOINT")
                result.add(_row(size), APPEND, _append(url, path, options.rows))
        none, *others = options.sizes
        for size in others:
            result.check_ratio((_row(size), APPEND), (_row(none), APPEND), "<=", 1.2)
        result.finish()


def _row(size: int) -> str:
    return f"onto {size:,}"


def _fill_database(databases: contextlib.ExitStack, size: int) -> str:
    print(f"a table of {size:,} bars …", file=sys.stderr)
    url = databases.enter_context(scratch_database(f"_{size}"))
    empty_tables()
    invent_bars(SYMBOL, first=FIRST, bars=size)
    vacuum()
    return url


def _append(url: str, path: Path, rows: int) -> float:
    measured = ingest(url, path)
    if read_counts(measured)["inserted"] != rows:
        raise SystemExit(f"Expected {rows:,} inserted bars: {measured.output}")
    execute(_DELETE_APPENDED, [SYMBOL, APPENDED])
    vacuum()
    return measured.seconds


if __name__ == "__main__":
    main()
