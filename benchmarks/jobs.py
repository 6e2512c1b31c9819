"""(f) A folder of files, one and two at a time: of different series, which can go side by side, and of one series,
which follow one another.

    .venv/bin/python benchmarks/jobs.py [--files 8] [--rows 250000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from datetime import date
from pathlib import Path

from measure import empty_tables, ingest, write_plain, write_sample
from scratch import scratch_database, set_up_django
from sheet import Sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--rows", type=int, default=250_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    set_up_django()
    with tempfile.TemporaryDirectory() as folder, scratch_database() as url:
        sheet = Sheet(
            "jobs",
            "A folder, one and two files at a time",
            unit="s",
            full=options.rows >= 250_000 and options.files >= 8 and options.rounds >= 3,
            settings={"files": options.files, "rows each": f"{options.rows:,}", "rounds": options.rounds},
        )
        folders = {"different series": Path(folder) / "many", "one series": Path(folder) / "one"}
        for each in folders.values():
            each.mkdir()
        for number in range(options.files):
            write_plain(folders["different series"] / f"{number}.dbn.zst", options.rows, [f"S{number}"])
            write_sample(folders["one series"] / f"{number}.dbn.zst", options.rows, first_day=date(2000 + number, 1, 3))
        for _ in range(options.rounds):
            for kind, path in folders.items():
                for jobs in (1, 2):
                    empty_tables()
                    taken = ingest(url, path, jobs=jobs)
                    if not json.loads(taken.output)["ok"]:
                        raise SystemExit(taken.output)
                    sheet.add(f"{kind}, --jobs {jobs}", taken.seconds)
        for kind in folders:
            sheet.hold_ratio(f"{kind}, --jobs 1", f"{kind}, --jobs 2", ">=")
        sheet.finish()


if __name__ == "__main__":
    main()
