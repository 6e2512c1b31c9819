"""(l) The bars of a series as a CSV, Parquet or Arrow file: this project's export, two ways without it, and the floor.

    .venv/bin/python -m benchmarks.exports [--bars 1000000] [--rounds 3]

Each way is a process of its own. Its time begins when its modules are loaded and ends when the file is closed. The ways
alternate within each round, so that a slow phase of the machine affects all of them. The floor is one COPY … TO STDOUT
of the stored columns into a file: PostgreSQL's own CSV format, with nothing parsed.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.harness.measure import empty_tables, invent_bars, run_process, vacuum
from benchmarks.harness.options import read_options
from benchmarks.harness.result import BenchmarkResult
from benchmarks.harness.scratch import scratch_database, set_up_django
from benchmarks.harness.server_cpu import read_server_cpu

EXPORT, FLOOR = "this project's export", "floor: COPY … TO STDOUT"
WAYS = {EXPORT: "read_export", "pandas.read_sql": "read_sql", "ADBC": "read_adbc", FLOOR: "read_copy"}
FORMATS = ("csv", "parquet", "arrow")
# Million rows a second: the limits that the project sets itself.
TARGETS = {"csv": 0.7, "parquet": 1, "arrow": 1}


def main() -> None:
    options = read_options(about=__doc__, bars=1_000_000, rounds=3)
    set_up_django()
    with tempfile.TemporaryDirectory() as folder, scratch_database() as url:
        title = f"A file of {options.bars:,} bars of one series"
        result = BenchmarkResult("exports", title, unit="s", options=options)
        empty_tables()
        invent_bars("CME_MINI:MNQ1!", first=datetime(2000, 1, 3, tzinfo=UTC), bars=options.bars)
        vacuum()
        trial = _Trial(result, Path(folder), url, options.bars)
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds} …", file=sys.stderr)
            for file_format in FORMATS:
                for way in WAYS:
                    if way != FLOOR or file_format == "csv":
                        trial.run(way, file_format)
        _check(result, options.bars, trial.peaks)
        result.finish()


class _Trial:
    """Where the files are written, and the peak memory of each way in MiB."""

    def __init__(self, result: BenchmarkResult, folder: Path, url: str, bars: int) -> None:
        self.peaks: defaultdict[str, float] = defaultdict(float)
        self._result, self._folder, self._url, self._bars = result, folder, url, bars

    def run(self, way: str, file_format: str) -> None:
        path = self._folder / f"bars.{file_format}"
        before = read_server_cpu()
        command = [sys.executable, "-m", f"benchmarks.ways.{WAYS[way]}", file_format, str(path)]
        measured = run_process(command, self._url)
        server_cpu = read_server_cpu() - before
        times = json.loads(measured.output)
        self._result.add(way, file_format, times["seconds"])
        self._result.add(way, f"{file_format}, CPU", times["cpu_seconds"] + server_cpu)
        self.peaks[way] = max(measured.peak_mib, self.peaks[way])
        if (rows := _count_rows(path, has_header=way != FLOOR)) != self._bars:
            raise SystemExit(f"{way} wrote {rows:,} rows instead of {self._bars:,} as {file_format}.")
        path.unlink()


def _count_rows(path: Path, *, has_header: bool) -> int:
    from pyarrow import ipc, parquet

    if path.suffix == ".parquet":
        return int(parquet.read_metadata(path).num_rows)
    if path.suffix == ".arrow":
        with ipc.open_stream(path) as batches:
            return sum(len(batch) for batch in batches)
    with path.open("rb") as lines:
        return sum(1 for _ in lines) - has_header


def _check(result: BenchmarkResult, bars: int, peaks: dict[str, float]) -> None:
    for file_format, target in TARGETS.items():
        rate = bars / result.median(EXPORT, file_format) / 1_000_000
        result.check(f"{EXPORT}, {file_format}: million rows a second", rate, ">=", target)
    for file_format in FORMATS:
        result.check_ratio((EXPORT, file_format), (FLOOR, "csv"))
        for way in WAYS:
            if way not in (EXPORT, FLOOR):
                result.check_ratio((way, file_format), (EXPORT, file_format))
    for way, peak in peaks.items():
        result.check(f"{way}: peak memory, MiB", peak)


if __name__ == "__main__":
    main()
