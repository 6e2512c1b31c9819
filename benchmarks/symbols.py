"""(d) A million bars of one symbol, and of 500.

.venv/bin/python -m benchmarks.symbols [--rows 1000000] [--symbols 500] [--rounds 3]

The files have as many rows each, but for the rest of a division; the symbols of a minute follow one another, as in a
file of the vendor's.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.harness.measure import counts_of, empty_tables, ingest, write_plain
from benchmarks.harness.options import read_options
from benchmarks.harness.scratch import scratch_database, set_up_django
from benchmarks.harness.sheet import Sheet


def main() -> None:
    options = read_options(about=__doc__, rows=1_000_000, symbols=500, rounds=3)
    set_up_django()
    with tempfile.TemporaryDirectory() as folder, scratch_database() as url:
        sheet = Sheet("symbols", "One symbol and many in a file", unit="s", options=options)
        paths = {count: _file(Path(folder), options.rows, count) for count in (1, options.symbols)}
        for _ in range(options.rounds):
            for count, path in paths.items():
                empty_tables()
                for turn, counted in (("fresh", "inserted"), ("again unchanged", "identical")):
                    taken = ingest(url, path)
                    if counts_of(taken)[counted] != options.rows // count * count:
                        raise SystemExit(f"All rows should have been {counted}: {taken.output}")
                    sheet.add(_row(count), turn, taken.seconds)
        for turn in ("fresh", "again unchanged"):
            sheet.hold_ratio((_row(options.symbols), turn), (_row(1), turn))
        sheet.finish()


def _file(folder: Path, rows: int, count: int) -> Path:
    return write_plain(folder / f"{count}.dbn.zst", rows, [f"S{number}" for number in range(count)])


def _row(count: int) -> str:
    return f"{count:,} symbols" if count > 1 else "1 symbol"


if __name__ == "__main__":
    main()
