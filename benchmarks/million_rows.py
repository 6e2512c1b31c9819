"""One file of a million bars: this loader, the way it is usually written, and the floor that PostgreSQL sets.

    .venv/bin/python benchmarks/million_rows.py [--rows 1000000] [--rounds 3] [--memory-rows 10000000]

All ways take turns within each round (fresh table, then the same file again), so that a machine that slows down slows
all of them; the figures are medians of whole processes, start-up included. The floor is one COPY BINARY of the same
rows, prepared beforehand, straight into the same table with its key, checks and triggers. Works in a scratch database.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scratch import ROOT, machine, scratch_database, set_up_django

TABLES = "market_bars_ohlcv_1m, market_bar_revisions, market_series_instruments, data_ingest_runs"
COLUMNS = "symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id"
COPY_OUT = "COPY (SELECT " + COLUMNS + " FROM market_bars_ohlcv_1m ORDER BY ts) TO STDOUT (FORMAT BINARY)"
COPY_IN = f"COPY market_bars_ohlcv_1m ({COLUMNS}) FROM STDIN (FORMAT BINARY)"
# (what, with which two ways, at least or at most, what the project promises itself)
TARGETS = (
    ("naive fresh / loader fresh", "naive fresh", "loader fresh", ">=", 8.0),
    ("naive re-run / loader re-run", "naive re-run", "loader re-run", ">=", 12.0),
    ("loader fresh / floor", "loader fresh", "floor", "<=", 2.2),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--memory-rows", type=int, default=10_000_000, help="second size for the memory; 0: not measured"
    )
    options = parser.parse_args()
    set_up_django()
    with tempfile.TemporaryDirectory() as folder, scratch_database() as url:
        path = _sample(Path(folder) / "bars.dbn.zst", options.rows)
        seconds, memory = _rounds(url, path, options.rounds)
        result = {"machine": machine(), "rows": options.rows, "rounds": options.rounds}
        result |= {"seconds": seconds, "peak_mib": memory, "ratios": _ratios(seconds)}
        if options.memory_rows:
            big = _sample(Path(folder) / "big.dbn.zst", options.memory_rows)
            _empty()
            _, peak = _process(_loader(big), url)
            result["memory"] = {str(options.rows): memory["loader fresh"], str(options.memory_rows): peak}
    _print(result)
    target = ROOT / "benchmarks" / "results" / "million_rows.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, indent=2) + "\n")


def _rounds(url: str, path: Path, rounds: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    loader, naive = _loader(path), [sys.executable, "benchmarks/naive_loader.py", url, str(path)]
    seconds: dict[str, list[float]] = {}
    memory: dict[str, float] = {}
    prebuilt = b""
    for number in range(rounds):
        print(f"round {number + 1} of {rounds} …", file=sys.stderr)
        for name, command in (("loader", loader), ("naive", naive)):
            _empty()
            for turn in ("fresh", "re-run"):
                taken, peak = _process(command, url)
                seconds.setdefault(f"{name} {turn}", []).append(taken)
                memory[f"{name} {turn}"] = max(peak, memory.get(f"{name} {turn}", 0))
            prebuilt = prebuilt or _copy_out()
        seconds.setdefault("floor", []).append(_floor(prebuilt))
    return seconds, memory


def _loader(path: Path) -> list[str]:
    return [sys.executable, "manage.py", "ingest_dbn", "--input", str(path)]


# A process starts with the memory of the one that it is forked from, and that counts in its peak. So it is forked from
# one that has next to none.
_MEASURE = """
import os, sys, time
started = time.perf_counter()
process = os.spawnvp(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(process, 0)
print(time.perf_counter() - started, usage.ru_maxrss / 1024, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def _process(command: list[str], url: str) -> tuple[float, float]:
    """Wall seconds and peak MiB of one process."""
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", _MEASURE, *command],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    seconds, mib = done.stderr.split()[-2:]
    return float(seconds), float(mib)


def _empty() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {TABLES} RESTART IDENTITY")
        cursor.execute("CHECKPOINT")


def _copy_out() -> bytes:
    """The table's rows as COPY BINARY has them, for the floor."""
    from django.db import connection

    out = io.BytesIO()
    with connection.cursor() as cursor:
        cursor.copy_expert(COPY_OUT, out)
    return out.getvalue()


def _floor(prebuilt: bytes) -> float:
    """Seconds of the COPY and its commit alone: no process is started, nothing is decoded."""
    from django.db import connection, transaction
    from django.utils import timezone

    from marketdata.models import IngestRun

    _empty()
    IngestRun.objects.create(file_name="floor", file_path="floor", started_at=timezone.now())
    started = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.copy_expert(COPY_IN, io.BytesIO(prebuilt), 1 << 20)
    return time.perf_counter() - started


def _sample(path: Path, rows: int) -> Path:
    from datetime import date

    from ingestion.samples import write_mnq_sample

    return write_mnq_sample(path, bars=rows, first_day=date(2000, 1, 3))


def _ratios(seconds: dict[str, list[float]]) -> dict[str, float]:
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    return {name: round(medians[above] / medians[below], 2) for name, above, below, _, _ in TARGETS}


def _print(result: dict) -> None:
    print(", ".join(f"{name} {value}" for name, value in result["machine"].items()))
    print(f"{result['rows']:,} rows, {result['rounds']} rounds; seconds are medians (least to most)\n")
    print(f"{'':>14} {'seconds':>22} {'rows/s':>12} {'peak MiB':>9}")
    for name, taken in result["seconds"].items():
        median = statistics.median(taken)
        spread = f"{median:.2f} ({min(taken):.2f} to {max(taken):.2f})"
        peak = f"{result['peak_mib'][name]:>9.0f}" if name in result["peak_mib"] else ""
        print(f"{name:>14} {spread:>22} {result['rows'] / median:>12,.0f} {peak}")
    print()
    for name, _, _, sense, target in TARGETS:
        ratio = result["ratios"][name]
        reached = ratio >= target if sense == ">=" else ratio <= target
        print(f"{name:>30}: {ratio:6.2f}   {'reaches' if reached else 'SHORT OF'} {sense} {target}")
    for rows, peak in result.get("memory", {}).items():
        print(f"{'peak memory':>30}: {peak:6.0f} MiB at {int(rows):,} rows")


if __name__ == "__main__":
    main()
