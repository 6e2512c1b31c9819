"""(c) The loader's peak memory, whatever the size of the file.

.venv/bin/python benchmarks/memory.py [--sizes 100000 1000000 10000000]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from measure import empty_tables, ingest, write_sample
from scratch import scratch_database, set_up_django
from sheet import Sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    sizes = parser.parse_args().sizes
    set_up_django()
    with tempfile.TemporaryDirectory() as folder, scratch_database() as url:
        sheet = Sheet(
            "memory", "Peak memory of the loader", unit="MiB", full=max(sizes) >= 10_000_000, settings={"rounds": 1}
        )
        for rows in sizes:
            path = write_sample(Path(folder) / f"{rows}.dbn.zst", rows)
            for turn in ("fresh", "re-run"):
                if turn == "fresh":
                    empty_tables()
                name = f"{rows:,} rows, {turn}"
                sheet.add(name, ingest(url, path).peak_mib)
                sheet.hold(name, sheet.median(name), "<=", 160)
            path.unlink()
        sheet.finish()


if __name__ == "__main__":
    main()
