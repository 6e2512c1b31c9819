"""(a) One file of a million bars, four times over: into an empty table, again unchanged, with a tenth of its bars
changed, and into a table that has a hole every tenth hour. This loader, the ways in which it is usually written, and
the floor that PostgreSQL sets.

    .venv/bin/python benchmarks/million_rows.py [--rows 1000000] [--rounds 3] [--slow-rounds 1]

All ways take turns within each round, so that a machine that slows down slows all of them; those that take a minute
each are only in the first `--slow-rounds`. The figures are medians of whole processes, start-up included, also of the
floor: one COPY BINARY of the same rows, prepared beforehand, straight into the same table with its key, checks and
triggers. to_sql can only append.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from measure import Taken, copy_out, counts_of, empty_tables, execute, fill_tables, run_process, write_plain
from scratch import scratch_database, set_up_django
from sheet import Sheet

WAYS = ("adbc", "naive", "pandas_to_sql")
SLOW = ("naive", "pandas_to_sql")
SYMBOL = "CME_MINI:MNQ1!"
HOLES = "WHERE ts_ms / 3600000 % 10 <> 0"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slow-rounds", type=int, default=1)
    options = parser.parse_args()
    set_up_django()
    with tempfile.TemporaryDirectory() as folder, scratch_database() as url:
        sheet = Sheet(
            "million_rows",
            "A file into the table, whole processes",
            unit="s",
            full=options.rows >= 1_000_000 and options.rounds >= 3,
            settings={
                "rows": f"{options.rows:,}",
                "rounds": options.rounds,
                "of naive and to_sql": options.slow_rounds,
            },
        )
        files = _Files(Path(folder), options.rows, url)
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds} …", file=sys.stderr)
            for scenario in ("fresh", "re-run", "10 % changed", "filling gaps"):
                _one_scenario(sheet, files, scenario, url, slow=number < options.slow_rounds)
        sheet.hold_ratio("this loader fresh", "floor fresh", "<=", 1.25)
        sheet.hold_ratio("naive fresh", "this loader fresh", ">=", 14)
        sheet.hold_ratio("this loader re-run", "floor fresh", "<=", 1.4)
        for scenario in ("re-run", "10 % changed", "filling gaps"):
            sheet.hold_ratio(f"naive {scenario}", f"this loader {scenario}", ">=")
        for way in ("pandas_to_sql", "adbc"):
            sheet.hold_ratio(f"{way} fresh", "this loader fresh", ">=")
        sheet.finish()


class _Files:
    """The file, the same with a tenth of its volumes changed, and what the table holds before each scenario."""

    def __init__(self, folder: Path, rows: int, url: str) -> None:
        self.rows = rows
        self.plain = write_plain(folder / "plain.dbn.zst", rows, ["MNQ.c.0"])
        self.changed = write_plain(folder / "changed.dbn.zst", rows, ["MNQ.c.0"], change_every=10)
        self.prepared = folder / "rows.bin"
        empty_tables()
        run_process([sys.executable, "benchmarks/ways/naive.py", str(self.plain)], url)
        self.whole, self.holes = copy_out(), copy_out(HOLES)
        self.prepared.write_bytes(self.whole)
        self.hole_count = execute(f"SELECT count(*) FROM market_bars_ohlcv_1m {HOLES}")[0][0]

    def prepare(self, scenario: str) -> Path:
        """Bring the table to where the scenario begins; return the file to take."""
        if scenario == "fresh":
            empty_tables()
        else:
            fill_tables(self.holes if scenario == "filling gaps" else self.whole)
        return self.changed if scenario == "10 % changed" else self.plain


def _one_scenario(sheet: Sheet, files: _Files, scenario: str, url: str, *, slow: bool) -> None:
    path = files.prepare(scenario)
    taken = _ingest(url, path)
    sheet.add(f"this loader {scenario}", taken.seconds)
    sheet.add(f"this loader {scenario}, the run alone", counts_of(taken)["seconds"])
    _check(files, scenario, counts_of(taken))
    expected = copy_out()
    for way in WAYS:
        if (way == "pandas_to_sql" and scenario != "fresh") or (way in SLOW and not slow):
            continue
        path = files.prepare(scenario)
        sheet.add(
            f"{way} {scenario}", run_process([sys.executable, f"benchmarks/ways/{way}.py", str(path)], url).seconds
        )
        if copy_out() != expected:
            raise SystemExit(f"{way} stored other rows than this loader.")
    if scenario == "fresh":
        empty_tables()
        floor = [sys.executable, "benchmarks/ways/floor.py", str(files.prepared)]
        sheet.add("floor fresh", run_process(floor, url).seconds)


def _ingest(url: str, path: Path) -> Taken:
    return run_process(
        [sys.executable, "manage.py", "ingest_dbn", "--json", "--symbol", SYMBOL, "--input", str(path)], url
    )


def _check(files: _Files, scenario: str, told: dict) -> None:
    """The run did what its scenario is about."""
    rows = files.rows
    expected = {
        "fresh": (rows, 0, 0),
        "re-run": (0, rows, 0),
        "10 % changed": (0, rows, -(-rows // 10)),
        "filling gaps": (rows - files.hole_count, files.hole_count, 0),
    }[scenario]
    if (told["inserted"], told["updated"], told["changed"]) != expected:
        raise SystemExit(f"The {scenario} run should have had {expected}, but had {told}.")


if __name__ == "__main__":
    main()
