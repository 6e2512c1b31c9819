"""(d) A million bars of one symbol, and of 500.

.venv/bin/python benchmarks/symbols.py [--rows 1000000] [--symbols 500] [--rounds 3]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from measure import empty_tables, ingest, write_plain
from scratch import scratch_database, set_up_django
from sheet import Sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    set_up_django()
    with tempfile.TemporaryDirectory() as folder, scratch_database() as url:
        sheet = Sheet(
            "symbols",
            "One symbol and many in a file",
            unit="s",
            full=options.rows >= 1_000_000 and options.symbols >= 500 and options.rounds >= 3,
            settings={"rows": f"{options.rows:,}", "rounds": options.rounds},
        )
        paths = {
            count: write_plain(Path(folder) / f"{count}.dbn.zst", options.rows, [f"S{n}" for n in range(count)])
            for count in (1, options.symbols)
        }
        for _ in range(options.rounds):
            for count, path in paths.items():
                empty_tables()
                for turn in ("fresh", "re-run"):
                    sheet.add(f"{count} symbols, {turn}", ingest(url, path).seconds)
        for turn in ("fresh", "re-run"):
            sheet.hold_ratio(f"{options.symbols} symbols, {turn}", f"1 symbols, {turn}")
        sheet.finish()


if __name__ == "__main__":
    main()
