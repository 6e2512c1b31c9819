"""One file of a million bars: this loader, the way it is usually written, and the floor that PostgreSQL sets.

    .venv/bin/python benchmarks/million_rows.py [--rows 1000000] [--rounds 3] [--memory-rows 10000000]

All ways take turns within each round (fresh table, then the same file again at once, without a VACUUM), so that a
machine that slows down slows all of them; the figures are medians of whole processes, start-up included. The floor is
one COPY BINARY of the same rows, prepared beforehand, straight into the same table with its key, checks and triggers.
"The run alone" is what this loader's own record says: from the run opened to the run closed, just before its COMMIT.
Works in a scratch database on the server of the settings.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from measure import copy_in, copy_out, empty_tables, run_process, write_sample
from scratch import ROOT, machine, scratch_database, set_up_django
from verdicts import memory_verdicts, print_result, ratios

RESULT = ROOT / "benchmarks" / "results" / "million_rows.json"
PUBLISHED_FROM = 1_000_000  # rows: a smaller trial does not replace the result that is kept


@dataclass
class Rounds:
    """What was measured, by the name of what was done."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    own_seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # the run's, of this loader
    peak_mib: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    prebuilt: bytes = b""  # the rows that the loader stored, as the floor takes them


def main() -> None:
    options = _options()
    set_up_django()
    with tempfile.TemporaryDirectory() as folder, scratch_database() as url:
        result = {"machine": machine(), "load_before": round(os.getloadavg()[0], 2)}
        path = write_sample(Path(folder) / "bars.dbn.zst", options.rows)
        measured = Rounds()
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds} …", file=sys.stderr)
            _one_round(measured, url, path, options.rows)
        memory = {options.rows: measured.peak_mib["loader fresh"]}
        if options.memory_rows:
            memory[options.memory_rows] = _big_peak(url, Path(folder) / "big.dbn.zst", options.memory_rows)
    result |= {"rows": options.rows, "rounds": options.rounds, "load_after": round(os.getloadavg()[0], 2)}
    result |= {"seconds": measured.seconds, "own_seconds": measured.own_seconds, "peak_mib": measured.peak_mib}
    result |= {"ratios": ratios(measured.seconds, measured.own_seconds)}
    result |= {"memory_mib": memory, "memory": memory_verdicts(memory)}
    print_result(result)
    _keep(result)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory-rows", type=int, default=10_000_000, help="second size for the memory; 0: none")
    options = parser.parse_args()
    if options.rows < 1 or options.rounds < 1 or options.memory_rows < 0:
        parser.error("--rows and --rounds start at 1, --memory-rows at 0")
    return options


def _one_round(measured: Rounds, url: str, path: Path, rows: int) -> None:
    """This loader, then the naive one, each into an empty table and once more; then the floor."""
    naive = [sys.executable, "benchmarks/naive_loader.py", str(path)]
    for way, command in (("loader", _loader(path)), ("naive", naive)):
        empty_tables()
        for turn in ("fresh", "re-run"):
            name = f"{way} {turn}"
            taken = run_process(command, url)
            measured.seconds[name].append(taken.seconds)
            measured.peak_mib[name] = max(taken.peak_mib, measured.peak_mib[name])
            if way == "loader":
                measured.own_seconds[name].append(_run_seconds(taken.output, turn, rows))
        if len(measured.seconds[name]) == 1:
            _compare(measured, way)
    measured.seconds["floor"].append(copy_in(measured.prebuilt))


def _loader(path: Path) -> list[str]:
    return [sys.executable, "manage.py", "ingest_dbn", "--input", str(path), "--json"]


def _run_seconds(output: str, turn: str, rows: int) -> float:
    """The seconds in the run's own record, if the run did what its turn is about."""
    run = json.loads(output)["files"][0]
    expected = {"inserted": rows, "identical": 0} if turn == "fresh" else {"inserted": 0, "identical": rows}
    if any(run[name] != count for name, count in expected.items()):
        raise SystemExit(f"The {turn} run should have had {expected}, but had {run}.")
    return run["seconds"]


def _compare(measured: Rounds, way: str) -> None:
    """All ways must have stored the same rows, or their times say nothing."""
    stored = copy_out()
    measured.prebuilt = measured.prebuilt or stored
    if stored != measured.prebuilt:
        raise SystemExit(f"The {way} loader stored other rows than this one.")


def _big_peak(url: str, path: Path, rows: int) -> float:
    print(f"memory at {rows:,} rows …", file=sys.stderr)
    write_sample(path, rows)
    empty_tables()
    taken = run_process(_loader(path), url)
    _run_seconds(taken.output, "fresh", rows)
    return taken.peak_mib


def _keep(result: dict) -> None:
    if result["rows"] < PUBLISHED_FROM:
        print(f"\nNot written to {RESULT.relative_to(ROOT)}: fewer than {PUBLISHED_FROM:,} rows.")
        return
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(f"\nWritten to {RESULT.relative_to(ROOT)}.")


if __name__ == "__main__":
    main()
