"""(k) The web server of the Procfile under many and slow clients: how soon others are answered, and its memory.

    .venv/bin/python -m benchmarks.load [--bars 1000000] [--seconds 35]

Each scenario runs for so many seconds beside requests of /healthz and of a series' stats. The exit code is 1 if a limit
is exceeded.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from benchmarks.harness.options import read_options
from benchmarks.harness.result import BenchmarkResult
from benchmarks.harness.scratch import scratch_database, set_up_django
from benchmarks.web import clients
from benchmarks.web.clients import Target
from benchmarks.web.data import SERIES, prepare_series
from benchmarks.web.prober import probing
from benchmarks.web.server import WebServer, serve_procfile

STATS = f"/api/market-data/{SERIES}/ohlcv-1m/stats"
PAGE = f"/api/market-data/{SERIES}/ohlcv-1m/bars?limit=5000"
SLOW = 300_000  # bytes a second
FORMATS = ("csv", "parquet", "arrow")
MAX_MS = 1000
MAX_MIB = 200
MAX_STOP_MS = 5000

Client = Callable[[Target], Any]

SCENARIOS: dict[str, list[Client]] = {
    "nothing else": [],
    "8 exports, of which 4 slow": [
        partial(clients.download, file_format=FORMATS[n % 3], bytes_per_second=SLOW * (n % 2)) for n in range(8)
    ],
    "8 exports, again": [partial(clients.download, file_format=FORMATS[n % 3]) for n in range(8)],
    "32 slow heads": [clients.send_head_slowly] * 32,
    "32 slow bodies": [clients.send_body_slowly] * 32,
    "32 slow readers": [partial(clients.read_slowly, path=PAGE)] * 32,
    "16 guessers of passwords": [clients.guess_passwords] * 16,
    "50 ordinary clients": [clients.browse] * 50,
}


def main() -> None:
    options = read_options(about=__doc__, bars=1_000_000, seconds=35)
    set_up_django()
    with scratch_database("_load") as url:
        token = prepare_series(options.bars)
        result = BenchmarkResult("load", "The web server under load", unit="ms", options=options)
        with serve_procfile(url) as server:
            for name, group in SCENARIOS.items():
                _run(server, result, name, group, Target(server.port, token, SERIES, 0), options.seconds)
            stop = _stop_with_exports(server, token)
        result.check("SIGTERM with 4 open exports, ms until the end", stop * 1000, "<=", MAX_STOP_MS)
        result.finish()
    if result.missed:
        sys.exit(f"Exceeded: {', '.join(result.missed)}.")


def _run(
    server: WebServer, result: BenchmarkResult, name: str, group: list[Client], target: Target, seconds: int
) -> None:
    target = Target(target.port, target.token, target.series, time.monotonic() + seconds)
    before = max(server.measure_memory())
    with probing(server.port, {"healthz": "/healthz", "stats": STATS}) as probes:
        outcome = _run_clients(group, target)
    after = max(server.measure_memory())
    figures = {
        "healthz, slowest": max(probes.seconds["healthz"]) * 1000,
        "stats, p50": probes.find_percentile("stats", 50) * 1000,
        "stats, p99": probes.find_percentile("stats", 99) * 1000,
        "errors": probes.errors,
        "MiB before": before,
        "MiB after": after,
    }
    for column, value in figures.items():
        result.add(name, column, value)
    result.check(f"healthz, slowest, ms ({name})", figures["healthz, slowest"], "<=", MAX_MS)
    result.check(f"stats, p99, ms ({name})", figures["stats, p99"], "<=", MAX_MS)
    result.check(f"errors ({name})", probes.errors, "<=", 0)
    result.check(f"largest web process, MiB ({name})", after, "<=", MAX_MIB)
    print(f"{name}: {json.dumps({key: round(value, 1) for key, value in figures.items()})} {outcome}", flush=True)


def _run_clients(group: list[Client], target: Target) -> str:
    """Run the clients in a process of their own, so that they do not delay the requests that are measured."""
    if not group:
        time.sleep(min(5.0, max(0.0, target.end - time.monotonic())))
        return ""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_run_in_threads, (group, target))


def _run_in_threads(group: list[Client], target: Target) -> str:
    with ThreadPoolExecutor(len(group)) as threads:
        results = list(threads.map(lambda client: client(target), group))
    if isinstance(results[0], dict):
        return str(dict(sum(map(Counter, results), Counter())))
    return str([one for one in results if one is not None] or "")


def _stop_with_exports(server: WebServer, token: str) -> float:
    target = Target(server.port, token, SERIES, time.monotonic() + 20)
    opened = [target.connect(receive_bytes=4096) for _ in range(4)]
    for one in opened:
        one.sendall(target.build_head("GET", target.get_export("csv")))
        one.recv(100)
    try:
        return server.stop()
    finally:
        for one in opened:
            one.close()


if __name__ == "__main__":
    main()
