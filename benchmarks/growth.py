"""(b) A million bars appended to a series that has none, 10 million or 30 million.

    .venv/bin/python benchmarks/growth.py [--rows 1000000] [--sizes 0 10000000 30000000] [--rounds 3]

Each size has a scratch database of its own, so that they can take turns. The server invents what is there before; what
was appended is deleted and the table vacuumed after each turn.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

from measure import counts_of, empty_tables, execute, ingest, invent_bars, tidy, write_sample
from scratch import NAME, scratch_database, set_up_django, switch_to
from sheet import Sheet

SYMBOL = "CME_MINI:MNQ1!"
FIRST = datetime(1930, 1, 1, tzinfo=UTC)  # 30 million minutes before the file's own years


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--sizes", type=int, nargs="+", default=[0, 10_000_000, 30_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    set_up_django()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        path = write_sample(Path(folder) / "bars.dbn.zst", options.rows, first_day=date(2000, 1, 3))
        urls = {}
        for size in options.sizes:
            print(f"a table of {size:,} bars …", file=sys.stderr)
            urls[size] = stack.enter_context(scratch_database(f"_{size}"))
            empty_tables()
            invent_bars(SYMBOL, first=FIRST, bars=size)
            tidy()
        sheet = Sheet(
            "growth",
            "Appending to a table that has some bars already",
            unit="s",
            full=options.rows >= 1_000_000 and max(options.sizes) >= 30_000_000 and options.rounds >= 3,
            settings={"rows": f"{options.rows:,}", "rounds": options.rounds},
        )
        for _ in range(options.rounds):
            for size, url in urls.items():
                switch_to(f"{NAME}_{size}")
                tidy()
                sheet.add(f"onto {size:,}", _append(url, path, options.rows))
        for size in options.sizes[1:]:
            sheet.hold_ratio(f"onto {size:,}", f"onto {options.sizes[0]:,}", "<=", 1.2)
        sheet.finish()


def _append(url: str, path: Path, rows: int) -> float:
    taken = ingest(url, path)
    if counts_of(taken)["inserted"] != rows:
        raise SystemExit(f"{rows:,} bars should have been new: {taken.output}")
    execute("DELETE FROM market_bars_ohlcv_1m WHERE ts >= '2000-01-01'")
    return taken.seconds


if __name__ == "__main__":
    main()
