"""What the benchmarks measure with: one process at a time, from tables in a known state."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from benchmarks.harness.scratch import ROOT

TABLES = "market_bars_ohlcv_1m, market_bar_revisions, market_series_instruments, data_ingest_runs"
COLUMNS = "symbol, ts, ts_ms, open, high, low, close, volume"
# Run 1 for every row, whoever brought it: what two loaders stored can be compared, and every state has a run 1.
_ROWS = f"SELECT {COLUMNS}, 1::bigint FROM market_bars_ohlcv_1m {{where}} ORDER BY ts, symbol"
_COPY_IN = f"COPY market_bars_ohlcv_1m ({COLUMNS}, ingestion_run_id) FROM STDIN (FORMAT BINARY)"
_FILL = """
INSERT INTO market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)
SELECT %(symbol)s, to_timestamp(minute * 60), minute * 60000, price, price + 2, price - 2, price + 1, 100, 1
FROM (SELECT %(first)s + number + number / 1380 * 60 AS minute, 16000 + number %% 1000 * 0.25 AS price
      FROM generate_series(%(from)s::bigint, %(to)s::bigint - 1) AS number) AS invented
"""
_FILLED_AT_ONCE = 1_000_000

# A process starts with the memory of the one that it is forked from, and that counts in its peak. So it is forked from
# one that has next to none.
_SPAWN = """
import os, sys, time
started = time.perf_counter()
process = os.spawnvp(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(process, 0)
seconds = time.perf_counter() - started
print(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status) & 255)
"""


@dataclass(frozen=True)
class Taken:
    """What one process took, from its start to its end, and what it said on standard output. `cpu_seconds` are its own,
    not the server's."""

    seconds: float
    cpu_seconds: float
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
    seconds, cpu_seconds, mib = map(float, done.stderr.split()[-3:])
    return Taken(seconds, cpu_seconds, mib, done.stdout)


def ingest(url: str, path: Path, *, jobs: int = 1, symbol: str = "") -> Taken:
    """`ingest_dbn` as somebody runs it, of a file or a folder."""
    command = [sys.executable, "manage.py", "ingest_dbn", "--json", "--jobs", str(jobs), "--input", str(path)]
    return run_process(command + (["--symbol", symbol] if symbol else []), url)


def counts_of(taken: Taken) -> dict[str, int]:
    """What the run of a single file says of itself."""
    [told] = json.loads(taken.output)["files"]
    return told


def execute(sql: str, parameters: object = None) -> list[tuple]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


def empty_tables() -> None:
    """No rows but run 1, and no pages of what was before that are still to be written."""
    from django.utils import timezone

    from marketdata.models import IngestRun

    execute(f"TRUNCATE {TABLES} RESTART IDENTITY")
    IngestRun.objects.create(file_name="before", file_path="before", started_at=timezone.now())
    execute("CHECKPOINT")


def copy_out(where: str = "") -> bytes:
    """The table's rows as COPY BINARY has them."""
    from django.db import connection

    out = io.BytesIO()
    with connection.cursor() as cursor:
        cursor.copy_expert(f"COPY ({_ROWS.format(where=where)}) TO STDOUT (FORMAT BINARY)", out)
    return out.getvalue()


def fill_tables(rows: bytes) -> None:
    """The tables with these rows and no others, vacuumed."""
    from django.db import connection

    empty_tables()
    with connection.cursor() as cursor:
        cursor.copy_expert(_COPY_IN, io.BytesIO(rows), 1 << 20)
    tidy()


def invent_bars(symbol: str, *, first: datetime, bars: int) -> None:
    """So many minutes, made by the server, with a break of an hour after every 23."""
    for start in range(0, bars, _FILLED_AT_ONCE):
        end = min(start + _FILLED_AT_ONCE, bars)
        execute(_FILL, {"symbol": symbol, "first": int(first.timestamp()) // 60, "from": start, "to": end})


def tidy() -> None:
    """As autovacuum leaves a table in a while, and with nothing left to write."""
    execute("VACUUM ANALYZE market_bars_ohlcv_1m")
    execute("CHECKPOINT")


def write_sample(path: Path, rows: int, *, first_day: date = date(2000, 1, 3)) -> Path:
    from ingestion.dbn.samples import write_mnq_sample

    return write_mnq_sample(path, bars=rows, first_day=first_day)


def write_plain(path: Path, rows: int, symbols: list[str], *, change_every: int = 0, seed: int = 1) -> Path:
    """Minute after minute, each with a bar of every symbol. `change_every`: add one to the volume of every so many."""
    import numpy as np

    from ingestion.dbn.samples import random_walk
    from ingestion.dbn.writer import Header, write_dbn

    minutes = rows // len(symbols)
    start = int(datetime(2001, 1, 1, tzinfo=UTC).timestamp()) * 10**9
    times = np.uint64(start) + np.arange(minutes, dtype=np.uint64) * np.uint64(60 * 10**9)
    one = [random_walk(times, instrument_id=number + 1, seed=seed + number) for number in range(len(symbols))]
    records = np.stack(one, axis=1).reshape(-1)  # in time order, as a file of many symbols is
    if change_every:
        records["volume"][::change_every] += 1
    days = (date(2001, 1, 1), date(2100, 1, 1))
    mappings = {symbol: [(*days, number + 1)] for number, symbol in enumerate(symbols)}
    header = Header(
        symbols=symbols,
        mappings=mappings,
        dataset="XNAS.ITCH",
        stype_in="raw_symbol",
        start=start,
        end=int(times[-1]) + 60 * 10**9,
    )
    return write_dbn(path, header, records)
