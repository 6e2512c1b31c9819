"""(a) One file of a million bars in four scenarios: into an empty table, again unchanged, with a tenth of its bars
changed, and into a table that lacks every tenth hour.

    .venv/bin/python -m benchmarks.million_rows [--rows 1000000] [--rounds 3] [--slow-rounds 1]

It measures this loader, other ways to load (`ways/`), and the floor that PostgreSQL sets: one binary COPY of the same
rows, prepared beforehand, into the same table with its key, checks and triggers. A second floor is that COPY without
the trigger of the hourly rollup. The run alone and the second floor are measured without the start of their processes,
all else as complete processes. The ways alternate within each round, so that a slow phase of the machine affects all of
them. Those that need a minute run only in the first `--slow-rounds`. Before each measurement the table has the
scenario's initial rows, is vacuumed and has no dirty pages. In the first round all ways must store the same rows.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.harness.measure import (
    Measurement,
    copy_out,
    empty_tables,
    execute,
    fill_tables,
    ingest,
    read_counts,
    run_process,
    write_plain,
)
from benchmarks.harness.options import read_options
from benchmarks.harness.result import BenchmarkResult
from benchmarks.harness.scratch import scratch_database, set_up_django

LOADER, ALONE, FLOOR = "this loader", "this loader, its run alone", "floor: binary COPY"
WITHOUT_ROLLUP = "floor without the rollup, COPY alone"
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
SWITCH = "ALTER TABLE market_bars_ohlcv_1m {} TRIGGER bars_rollup_on_insert"
HOLES = "WHERE ts_ms / 3600000 % 10 <> 0"


def main() -> None:
    options = read_options(about=__doc__, rows=1_000_000, rounds=3, slow_rounds=1)
    set_up_django()
    with tempfile.TemporaryDirectory() as folder, scratch_database() as url:
        result = BenchmarkResult(
            "million_rows", "One file into the table, complete processes", unit="s", options=options
        )
        trial = _Trial(result, Path(folder), options.rows, url)
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds} …", file=sys.stderr)
            for scenario in SCENARIOS:
                trial.run(scenario, with_slow=number < options.slow_rounds, compare=number == 0)
        _check_ratios(result, trial.peaks)
        result.finish()


class _Trial:
    """The files, the table's initial rows for each scenario, and the peak memory of each way in MiB."""

    def __init__(self, result: BenchmarkResult, folder: Path, rows: int, url: str) -> None:
        self.peaks: dict[str, float] = {}
        self._result, self._rows, self._url = result, rows, url
        self._plain = write_plain(folder / "plain.dbn.zst", rows, ["MNQ.c.0"])
        self._changed = write_plain(folder / "changed.dbn.zst", rows, ["MNQ.c.0"], change_every=10)
        empty_tables()
        ingest(url, self._plain, symbol=SYMBOL)
        self._complete, self._with_holes = copy_out(), copy_out(HOLES)
        self._prepared = folder / "rows.bin"
        self._prepared.write_bytes(self._complete)
        self._stored_before = execute(f"SELECT count(*) FROM market_bars_ohlcv_1m {HOLES}")[0][0]

    def run(self, scenario: str, *, with_slow: bool, compare: bool) -> None:
        """Measure each way once, this loader first, the floor last."""
        self._run_loader(scenario)
        expected = copy_out() if compare else b""
        for way in WAYS:
            if way in ONLY_APPENDING and scenario != FRESH:
                self._result.add_reason(way, scenario, "not possible: it only appends")
            elif with_slow or way not in SLOW:
                self._run_way(way, scenario)
                if compare and copy_out() != expected:
                    raise SystemExit(f"{way} stored other rows than this loader.")
        if scenario == FRESH:
            self._prepare(scenario)
            self._result.add(FLOOR, FRESH, self._script("floor", self._prepared).seconds)
            self._prepare(scenario)
            execute(SWITCH.format("DISABLE"))
            self._result.add(WITHOUT_ROLLUP, FRESH, float(self._script("floor", self._prepared).output))
            execute(SWITCH.format("ENABLE"))

    def _run_loader(self, scenario: str) -> None:
        measured = ingest(self._url, self._prepare(scenario), symbol=SYMBOL)
        counts = read_counts(measured)
        expected = {
            FRESH: (self._rows, 0, 0),
            AGAIN: (0, self._rows, 0),
            CHANGED: (0, self._rows, -(-self._rows // 10)),
            GAPS: (self._rows - self._stored_before, self._stored_before, 0),
        }[scenario]
        if (counts["inserted"], counts["updated"], counts["changed"]) != expected:
            raise SystemExit(f"The run of {scenario!r} should have the counts {expected}, but has {counts}.")
        self._note(LOADER, scenario, measured)
        self._result.add(ALONE, scenario, counts["seconds"])

    def _run_way(self, way: str, scenario: str) -> None:
        self._note(way, scenario, self._script(WAYS[way], self._prepare(scenario)))

    def _note(self, way: str, scenario: str, measured: Measurement) -> None:
        self._result.add(way, scenario, measured.seconds)
        self.peaks[way] = max(measured.peak_mib, self.peaks.get(way, 0))

    def _script(self, name: str, path: Path) -> Measurement:
        return run_process([sys.executable, "-m", f"benchmarks.ways.{name}", str(path)], self._url)

    def _prepare(self, scenario: str) -> Path:
        """Give the table the scenario's initial rows; returns the file to load."""
        if scenario == FRESH:
            empty_tables()
        else:
            fill_tables(self._with_holes if scenario == GAPS else self._complete)
        return self._changed if scenario == CHANGED else self._plain


def _check_ratios(result: BenchmarkResult, peaks: dict[str, float]) -> None:
    result.check_ratio((LOADER, FRESH), (FLOOR, FRESH), "<=", 1.25, least=1)
    result.check_ratio((ALONE, FRESH), (WITHOUT_ROLLUP, FRESH), "<=", 1.1, least=1)
    result.check_ratio((ALONE, CHANGED), (ALONE, FRESH), "<=", 1.3)
    result.check_ratio((NAIVE, FRESH), (LOADER, FRESH), ">=", 14)
    result.check_ratio((LOADER, AGAIN), (FLOOR, FRESH), "<=", 1.4)
    for scenario in (AGAIN, CHANGED, GAPS):
        result.check_ratio((NAIVE, scenario), (LOADER, scenario))
    for scenario in SCENARIOS:
        result.check_ratio((UPSERT, scenario), (LOADER, scenario))
    for way in (APPEND, TO_SQL):
        result.check_ratio((way, FRESH), (LOADER, FRESH))
    for way, peak in peaks.items():
        result.check(f"{way}: peak memory, MiB", peak)


if __name__ == "__main__":
    main()
