"""(b) A million bars appended to a series that has none, 10 million or 30 million.

    .venv/bin/python -m benchmarks.growth [--rows 1000000] [--sizes 0 10000000 30000000] [--rounds 3]

Each size has a scratch database of its own, so that they can take turns. The server itself invents what is there before
(INSERT … SELECT generate_series, other years of the same series), then VACUUM and CHECKPOINT; what was appended is
deleted and the table vacuumed after each turn.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

from benchmarks.harness.measure import counts_of, empty_tables, execute, ingest, invent_bars, tidy, write_sample
from benchmarks.harness.options import read_options
from benchmarks.harness.scratch import NAME, scratch_database, set_up_django, switch_to
from benchmarks.harness.sheet import Sheet

SYMBOL = "CME_MINI:MNQ1!"
FIRST = datetime(1930, 1, 1, tzinfo=UTC)  # 30 million minutes and more before the file's own years
APPENDED = date(2000, 1, 3)
APPEND = "append"
_DELETE_APPENDED = "DELETE FROM market_bars_ohlcv_1m WHERE symbol = %s AND ts >= %s"


def main() -> None:
    options = read_options(about=__doc__, rows=1_000_000, sizes=[0, 10_000_000, 30_000_000], rounds=3)
    set_up_django()
    sheet = Sheet("growth", "Appending to a series that has bars already", unit="s", options=options)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as databases:
        path = write_sample(Path(folder) / "bars.dbn.zst", options.rows, first_day=APPENDED)
        urls = {size: _filled(databases, size) for size in options.sizes}
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds} …", file=sys.stderr)
            for size, url in urls.items():
                switch_to(f"{NAME}_{size}")
                execute("CHECKPOINT")
                sheet.add(_row(size), APPEND, _append(url, path, options.rows))
        none, *others = options.sizes
        for size in others:
            sheet.hold_ratio((_row(size), APPEND), (_row(none), APPEND), "<=", 1.2)
        sheet.finish()


def _row(size: int) -> str:
    return f"onto {size:,}"


def _filled(databases: contextlib.ExitStack, size: int) -> str:
    print(f"a table of {size:,} bars …", file=sys.stderr)
    url = databases.enter_context(scratch_database(f"_{size}"))
    empty_tables()
    invent_bars(SYMBOL, first=FIRST, bars=size)
    tidy()
    return url


def _append(url: str, path: Path, rows: int) -> float:
    taken = ingest(url, path)
    if counts_of(taken)["inserted"] != rows:
        raise SystemExit(f"{rows:,} bars should have been new: {taken.output}")
    execute(_DELETE_APPENDED, [SYMBOL, APPENDED])
    tidy()
    return taken.seconds


if __name__ == "__main__":
    main()
