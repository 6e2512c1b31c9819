"""(l) Streams of the Procfile's web server: how soon 500 clients have each bar, and the memory of 2,000 idle ones.

    .venv/bin/python -m benchmarks.web.streams [--clients 500] [--idle 2000] [--runs 30] [--bars 1000000]

Each second a file of one bar is loaded, beside an export and requests of pages. A bar's way is from `finished_at` of
its run, just before the commit, to the client. The exit code is 1 if a limit is exceeded.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

from benchmarks.harness.options import read_options
from benchmarks.harness.result import BenchmarkResult
from benchmarks.harness.scratch import scratch_database, set_up_django
from benchmarks.web import clients
from benchmarks.web.clients import Target
from benchmarks.web.data import SERIES, prepare_series
from benchmarks.web.followers import follow
from benchmarks.web.server import WebServer, serve_procfile

INSTRUMENT = 42_000_001
START_SECONDS = 25
MAX_P99_MS = 250
MAX_MIB = 200
MAX_STOP_MS = 5000


def main() -> None:
    options = read_options(about=__doc__, clients=500, idle=2_000, runs=30, bars=1_000_000)
    set_up_django()
    with scratch_database("_streams") as url:
        token = prepare_series(options.bars)
        result = BenchmarkResult("streams", "Streams of the web server", unit="ms", options=options)
        with serve_procfile(url) as server:
            _measure_delivery(result, server, token, options.clients, options.runs)
            stop = server.stop()
        result.check("SIGTERM after streams, ms until the end", stop * 1000, "<=", MAX_STOP_MS)
        with serve_procfile(url, WEB_CONCURRENCY="1") as server:
            _measure_idle(result, server, token, options.idle)
        result.finish()
    if result.missed:
        sys.exit(f"Exceeded: {', '.join(result.missed)}.")


def _measure_delivery(result: BenchmarkResult, server: WebServer, token: str, count: int, runs: int) -> None:
    end = time.monotonic() + START_SECONDS + runs + 3
    target = Target(server.port, token, SERIES, end)
    with multiprocessing.get_context("spawn").Pool(1) as pool, ThreadPoolExecutor(10) as others:
        following = pool.apply_async(follow, (target, count))
        time.sleep(START_SECONDS)
        for _ in range(8):
            others.submit(clients.browse, target)
        others.submit(clients.download, target, "csv")
        finished = _load_bars(runs)
        opened, arrived = following.get(START_SECONDS + runs + 60)
    delays = sorted(1000 * (at - finished[run]) for run, at in arrived if run in finished)
    row = f"{count} clients"
    for name, percent in (("p50", 50), ("p99", 99)):
        value = delays[min(len(delays) - 1, len(delays) * percent // 100)] if delays else float("inf")
        result.add(row, name, value)
    result.add(row, "MiB", max(server.measure_memory()))
    result.check("clients that could not connect", count - opened, "<=", 0)
    result.check("bars that did not arrive", count * len(finished) - len(delays), "<=", 0)
    result.check("commit to client, p99, ms", result.median(row, "p99"), "<=", MAX_P99_MS)


def _load_bars(runs: int) -> dict[int, float]:
    """Load one bar each second; returns when each run finished, in seconds since 1970."""
    from ingestion.dbn.writer import Header, empty_records, write_dbn
    from ingestion.pipeline import ingest_file

    finished = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(runs):
            started = time.monotonic()
            records = empty_records(1, instrument_id=INSTRUMENT)
            day = datetime(2024, 1, 2, tzinfo=UTC)
            records["ts_event"] = int(day.timestamp() + 60 * number) * 10**9
            for name in ("open", "high", "low", "close"):
                records[name] = 16_800_000_000_000
            records["volume"] = 1
            mappings = {"MNQ.c.0": [(date(2024, 1, 1), date(2024, 2, 1), INSTRUMENT)]}
            header = Header(symbols=("MNQ.c.0",), mappings=mappings)
            run = ingest_file(path=write_dbn(Path(folder) / f"{number}.dbn", header, records)).run
            assert run.finished_at is not None
            finished[run.pk] = run.finished_at.timestamp()
            time.sleep(max(0.0, started + 1 - time.monotonic()))
    return finished


def _measure_idle(result: BenchmarkResult, server: WebServer, token: str, count: int) -> None:
    target = Target(server.port, token, SERIES, time.monotonic() + 60)
    before = max(server.measure_memory())
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        following = pool.apply_async(follow, (target, count))
        most = before
        while not following.ready():
            most = max(most, *server.measure_memory())
            time.sleep(1)
        opened, _ = following.get(1)
    result.add(f"{count} idle clients", "MiB before", before)
    result.add(f"{count} idle clients", "MiB", most)
    result.check("idle clients that could not connect", count - opened, "<=", 0)
    result.check("web process with idle clients, MiB", most, "<=", MAX_MIB)


if __name__ == "__main__":
    main()
