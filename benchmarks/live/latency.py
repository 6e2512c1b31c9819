"""(o) From the end of a minute at the gateway to the commit of its bars, by `stream_live`.

    .venv/bin/python -m benchmarks.live.latency [--seconds 180] [--speed 60] [--series 10]

The gateway sends a minute each second (at 60 times the market's speed), with bars of each series. Its time is that at
which it sends END_OF_INTERVAL; the other end is the notification of the commit. The exit code is 1 above the limit.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg2

from benchmarks.harness.options import read_options
from benchmarks.harness.result import BenchmarkResult
from benchmarks.harness.scratch import set_up_django
from benchmarks.live.database import own_server
from benchmarks.live.feed import Feed
from config.testing.feeds.gateway.clock import Clock
from config.testing.feeds.historical import FakeHistorical
from config.testing.feeds.live import FakeLive
from config.testing.feeds.market import Market
from config.testing.feeds.times import MINUTE

SYMBOLS = [f"{root}.c.{rank}" for rank in (0, 1, 2) for root in ("MNQ", "ES", "NQ", "MES")]
START_SECONDS = 30
MAX_P99_MS = 100


class Delay(NamedTuple):
    """Of one run, ms: until it began (receiving, spooling, the queue), until it had written its bars, and until the
    commit was notified."""

    begun: float
    written: float
    committed: float

    @property
    def total(self) -> float:
        return sum(self)


def main() -> None:
    options = read_options(about=__doc__, seconds=180, speed=60, series=10)
    with own_server() as server, tempfile.TemporaryDirectory(prefix="latency-") as name:
        os.environ["DATABASE_URL"] = server.url
        set_up_django()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        _add_series(options.series)
        result = BenchmarkResult("live_latency", "From the end of a minute to its commit", unit="ms", options=options)
        delays = _measure(server.url, Path(name), options.seconds, options.speed)
        _report(result, delays)
        result.finish()
    if result.missed:
        sys.exit(f"Exceeded: {', '.join(result.missed)}.")


def _add_series(count: int) -> None:
    from marketdata.models import Series

    Series.objects.all().delete()
    for symbol in SYMBOLS[:count]:
        fields = {"symbol": symbol, "dataset": "GLBX.MDP3", "calendar": "CME Globex Equity", "live": True}
        slug = symbol.lower().replace(".", "-")
        Series.objects.create(slug=slug, **fields, vendor_symbols=[symbol], feed_symbol=symbol, feed_stype="continuous")


def _measure(url: str, folder: Path, seconds: int, speed: int) -> list[Delay]:
    market, clock = Market(), Clock(back_s=12 * 3600, speed=speed)
    gateway = FakeLive(market, clock=clock, replay_hours=2).start()
    history = FakeHistorical(market, now=clock, delay_s=24 * 3600).start()
    variables = {"DATABENTO_LIVE_GATEWAY": gateway.address, "FEED_DIR": str(folder / "feeds")} | history.env
    try:
        with _follow_commits(url) as notified:
            feed = Feed(url, folder / "feed.log", variables)
            time.sleep(START_SECONDS)
            started = time.time()
            time.sleep(seconds)
            feed.stop()
    finally:
        gateway.stop()
        history.stop()
    closed = {end: at for session in gateway.sessions for end, at in session.closed.items() if at >= started}
    return list(_read_delays(closed, notified))


@contextlib.contextmanager
def _follow_commits(url: str) -> Iterator[dict[int, float]]:
    """When each run's commit was notified, in seconds since 1970."""
    notified: dict[int, float] = {}
    is_ending = threading.Event()

    def listen() -> None:
        with contextlib.closing(psycopg2.connect(url)) as connection:
            connection.autocommit = True
            connection.cursor().execute("LISTEN market_runs")
            while not is_ending.is_set():
                if select.select([connection], [], [], 0.2)[0]:
                    connection.poll()
                    now = time.time()
                    notified.update((int(one.payload), now) for one in connection.notifies)
                    connection.notifies.clear()

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        yield notified
    finally:
        is_ending.set()
        thread.join()


def _read_delays(closed: dict[int, float], notified: dict[int, float]) -> Iterator[Delay]:
    from marketdata.models import IngestRun

    for run in IngestRun.objects.filter(kind=IngestRun.Kind.LIVE, status=IngestRun.Status.SUCCESS):
        if run.max_ts is None or run.finished_at is None or run.min_ts != run.max_ts or run.pk not in notified:
            continue
        at = closed.get(int(run.max_ts.timestamp()) * 10**9 + MINUTE)
        if at is not None:
            begun, written = run.started_at.timestamp(), run.finished_at.timestamp()
            yield Delay(1000 * (begun - at), 1000 * (written - begun), 1000 * (notified[run.pk] - written))


def _report(result: BenchmarkResult, delays: list[Delay]) -> None:
    if not delays:
        sys.exit("No minute was stored while it was measured.")
    rows = {
        "until the run begins": [one.begun for one in delays],
        "until the bars are written": [one.written for one in delays],
        "until the commit is notified": [one.committed for one in delays],
        "whole": [one.total for one in delays],
    }
    for row, values in rows.items():
        for column, percent in (("p50", 50), ("p90", 90), ("p99", 99)):
            result.add(row, column, _find_percentile(values, percent))
        result.add(row, "max", max(values))
    print(f"{len(delays)} runs of one minute")
    result.check("end of the minute to the commit, p99, ms", result.median("whole", "p99"), "<=", MAX_P99_MS)


def _find_percentile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


if __name__ == "__main__":
    main()
