"""(a) One file of a million bars, four times over: into an empty table, again unchanged, with a tenth of its bars
changed, and into a table that has a hole every tenth hour.

    .venv/bin/python -m benchmarks.million_rows [--rows 1000000] [--rounds 3] [--slow-rounds 1]

This loader, the ways in which one is usually written (`ways/`), and the floor that PostgreSQL sets: one COPY BINARY of
the same rows, prepared beforehand, straight into the same table with its key, checks and triggers. All figures are of
whole processes, start-up included. All ways take turns within each round, so that a machine that slows down slows all
of them; those that take a minute are only in the first `--slow-rounds`. Before each turn the table is brought to where
the scenario begins, vacuumed, with nothing left to write; in the first round every way must have stored the same rows.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.harness.measure import (
    Taken,
    copy_out,
    counts_of,
    empty_tables,
    execute,
    fill_tables,
    ingest,
    run_process,
    write_plain,
)
from benchmarks.harness.options import read_options
from benchmarks.harness.scratch import scratch_database, set_up_django
from benchmarks.harness.sheet import Sheet

LOADER, ALONE, FLOOR = "this loader", "this loader, its run alone", "floor: binary COPY"
WAYS = {
    "naive: iterrows, execute_values": "naive",
    "pandas.to_sql": "pandas_to_sql",
    "Arrow, ADBC, staged upsert": "adbc_upsert",
    "Arrow, ADBC, appended": "adbc_append",
}
NAIVE, TO_SQL, UPSERT, APPEND = WAYS
SLOW = (NAIVE, TO_SQL)
ONLY_APPENDING = (TO_SQL, APPEND)
FRESH, AGAIN, CHANGED, GAPS = SCENARIOS = ("fresh", "again unchanged", "10 % changed", "filling gaps")
SYMBOL = "CME_MINI:MNQ1!"
HOLES = "WHERE ts_ms / 3600000 % 10 <> 0"


def main() -> None:
    options = read_options(about=__doc__, rows=1_000_000, rounds=3, slow_rounds=1)
    set_up_django()
    with tempfile.TemporaryDirectory() as folder, scratch_database() as url:
        sheet = Sheet("million_rows", "One file into the table, whole processes", unit="s", options=options)
        trial = _Trial(sheet, Path(folder), options.rows, url)
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds} …", file=sys.stderr)
            for scenario in SCENARIOS:
                trial.run(scenario, with_slow=number < options.slow_rounds, compare=number == 0)
        _hold(sheet, trial.peaks)
        sheet.finish()


class _Trial:
    """The files, what the table holds before each scenario, and the peaks of memory in MiB, by the way."""

    def __init__(self, sheet: Sheet, folder: Path, rows: int, url: str) -> None:
        self.peaks: dict[str, float] = {}
        self._sheet, self._rows, self._url = sheet, rows, url
        self._plain = write_plain(folder / "plain.dbn.zst", rows, ["MNQ.c.0"])
        self._changed = write_plain(folder / "changed.dbn.zst", rows, ["MNQ.c.0"], change_every=10)
        empty_tables()
        ingest(url, self._plain, symbol=SYMBOL)
        self._whole, self._with_holes = copy_out(), copy_out(HOLES)
        self._prepared = folder / "rows.bin"
        self._prepared.write_bytes(self._whole)
        self._kept = execute(f"SELECT count(*) FROM market_bars_ohlcv_1m {HOLES}")[0][0]

    def run(self, scenario: str, *, with_slow: bool, compare: bool) -> None:
        """Each way once, this loader first, the floor last."""
        self._run_loader(scenario)
        expected = copy_out() if compare else b""
        for way in WAYS:
            if way in ONLY_APPENDING and scenario != FRESH:
                self._sheet.cannot(way, scenario, "not possible: it only appends")
            elif with_slow or way not in SLOW:
                self._run_way(way, scenario)
                if compare and copy_out() != expected:
                    raise SystemExit(f"{way} stored other rows than this loader.")
        if scenario == FRESH:
            self._prepare(scenario)
            self._sheet.add(FLOOR, FRESH, self._script("floor", self._prepared).seconds)

    def _run_loader(self, scenario: str) -> None:
        taken = ingest(self._url, self._prepare(scenario), symbol=SYMBOL)
        told = counts_of(taken)
        expected = {
            FRESH: (self._rows, 0, 0),
            AGAIN: (0, self._rows, 0),
            CHANGED: (0, self._rows, -(-self._rows // 10)),
            GAPS: (self._rows - self._kept, self._kept, 0),
        }[scenario]
        if (told["inserted"], told["updated"], told["changed"]) != expected:
            raise SystemExit(f"The run of {scenario!r} should have had {expected}, but had {told}.")
        self._note(LOADER, scenario, taken)
        self._sheet.add(ALONE, scenario, told["seconds"])

    def _run_way(self, way: str, scenario: str) -> None:
        self._note(way, scenario, self._script(WAYS[way], self._prepare(scenario)))

    def _note(self, way: str, scenario: str, taken: Taken) -> None:
        self._sheet.add(way, scenario, taken.seconds)
        self.peaks[way] = max(taken.peak_mib, self.peaks.get(way, 0))

    def _script(self, name: str, path: Path) -> Taken:
        return run_process([sys.executable, "-m", f"benchmarks.ways.{name}", str(path)], self._url)

    def _prepare(self, scenario: str) -> Path:
        """Bring the table to where the scenario begins; return the file to take."""
        if scenario == FRESH:
            empty_tables()
        else:
            fill_tables(self._with_holes if scenario == GAPS else self._whole)
        return self._changed if scenario == CHANGED else self._plain


def _hold(sheet: Sheet, peaks: dict[str, float]) -> None:
    sheet.hold_ratio((LOADER, FRESH), (FLOOR, FRESH), "<=", 1.25, least=1)
    sheet.hold_ratio((NAIVE, FRESH), (LOADER, FRESH), ">=", 14)
    sheet.hold_ratio((LOADER, AGAIN), (FLOOR, FRESH), "<=", 1.4)
    for scenario in (AGAIN, CHANGED, GAPS):
        sheet.hold_ratio((NAIVE, scenario), (LOADER, scenario))
    for scenario in SCENARIOS:
        sheet.hold_ratio((UPSERT, scenario), (LOADER, scenario))
    for way in (APPEND, TO_SQL):
        sheet.hold_ratio((way, FRESH), (LOADER, FRESH))
    for way, peak in peaks.items():
        sheet.hold(f"{way}: peak memory, MiB", peak)


if __name__ == "__main__":
    main()
