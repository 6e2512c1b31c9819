"""What `million_rows.py` measures with: one process at a time, and one COPY, each from the same starting point."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from scratch import ROOT

TABLES = "market_bars_ohlcv_1m, market_bar_revisions, market_series_instruments, data_ingest_runs"
COLUMNS = "symbol, ts, ts_ms, open, high, low, close, volume"
# Run 1 for every row, whoever brought it: what two loaders stored can be compared, and the floor's run has that number.
COPY_OUT = f"COPY (SELECT {COLUMNS}, 1::bigint FROM market_bars_ohlcv_1m ORDER BY ts) TO STDOUT (FORMAT BINARY)"
COPY_IN = f"COPY market_bars_ohlcv_1m ({COLUMNS}, ingestion_run_id) FROM STDIN (FORMAT BINARY)"

# A process starts with the memory of the one that it is forked from, and that counts in its peak. So it is forked from
# one that has next to none.
_SPAWN = """
import os, sys, time
started = time.perf_counter()
process = os.spawnvp(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(process, 0)
print(time.perf_counter() - started, usage.ru_maxrss / 1024, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status) & 255)
"""


@dataclass(frozen=True)
class Taken:
    """What one process took, from its start to its end, and what it said on standard output."""

    seconds: float
    peak_mib: float
    output: str


def run_process(command: list[str], url: str) -> Taken:
    """Run a command of the project on the scratch database; a failure ends the benchmark with its words."""
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", _SPAWN, *command],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    seconds, mib = done.stderr.split()[-2:]
    return Taken(float(seconds), float(mib), done.stdout)


def empty_tables() -> None:
    """Before each fresh load: no rows, and no pages of the load before that are still to be written."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {TABLES} RESTART IDENTITY")
        cursor.execute("CHECKPOINT")


def copy_out() -> bytes:
    """The table's rows as COPY BINARY has them."""
    from django.db import connection

    out = io.BytesIO()
    with connection.cursor() as cursor:
        cursor.copy_expert(COPY_OUT, out)
    return out.getvalue()


def copy_in(prebuilt: bytes) -> float:
    """Seconds of one COPY into the empty table and its commit: no process is started, nothing is decoded."""
    from django.db import connection, transaction
    from django.utils import timezone

    from marketdata.models import IngestRun

    empty_tables()
    IngestRun.objects.create(file_name="floor", file_path="floor", started_at=timezone.now())
    started = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.copy_expert(COPY_IN, io.BytesIO(prebuilt), 1 << 20)
    return time.perf_counter() - started


def write_sample(path: Path, rows: int) -> Path:
    from datetime import date

    from ingestion.samples import write_mnq_sample

    return write_mnq_sample(path, bars=rows, first_day=date(2000, 1, 3))
