"""(n) Live bars for a day of the market at 60 times its speed, under every fault of the gateway: is a bar lost?

    .venv/bin/python -m benchmarks.live.soak [--hours 24] [--speed 60] [--kills 4] [--seed 1]

The vendor's client talks to a local gateway. `stream_live` is killed (SIGKILL) and the database restarted meanwhile.
The exit code is 1 if a bar is lost or wrong, or a run failed whose file has no quarantined record.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.options import read_options
from benchmarks.harness.result import BenchmarkResult
from benchmarks.harness.scratch import set_up_django
from benchmarks.live import market as truth
from benchmarks.live.database import OwnServer, own_server
from benchmarks.live.faults import RandomFaults
from benchmarks.live.feed import Feed
from config.testing.feeds.gateway.clock import Clock
from config.testing.feeds.historical import FakeHistorical
from config.testing.feeds.live import FakeLive
from config.testing.feeds.market import Market
from config.testing.feeds.times import MINUTE, SECOND

HOUR = 3600 * SECOND
EARLIER = 3 * HOUR  # stored before the first session
CALM_MINUTES = 90  # of the market, without faults, at the end: the overlap of the last session is an hour
MAX_STOP_SECONDS = 3


@dataclass
class Trial:
    """The vendor's servers, the process and the database. `open_at_once`: the most sessions that were open."""

    market: Market
    gateway: FakeLive
    feed: Feed
    server: OwnServer
    open_at_once: int = 0

    def watch(self, seconds: float) -> None:
        """Wait, and count the sessions that are open at the gateway."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.open_at_once = max(self.open_at_once, len(self.gateway.open_sessions))
            time.sleep(0.02)


def main() -> None:
    options = read_options(about=__doc__, hours=24, speed=60, kills=4, seed=1)
    with own_server() as server, tempfile.TemporaryDirectory(prefix="soak-") as name:
        os.environ["DATABASE_URL"] = server.url
        set_up_django()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        truth.add_series()
        result = BenchmarkResult("soak", "Live bars under faults", unit="count", options=options)
        _run(server, Path(name), result, options)
        result.finish()
    if result.missed:
        sys.exit(f"Missed: {', '.join(result.missed)}.")


def _run(server: OwnServer, folder: Path, result: BenchmarkResult, options: argparse.Namespace) -> None:
    market, clock = Market(), Clock(back_s=(options.hours + 1) * 3600, speed=options.speed)
    begin = truth.align(clock())
    truth.load_earlier(market, begin - EARLIER, begin, folder)
    gateway = FakeLive(market, clock=clock).start()
    history = FakeHistorical(market, now=clock, delay_s=24 * 3600).start()
    variables = {"DATABENTO_LIVE_GATEWAY": gateway.address, "FEED_DIR": str(folder / "feeds")} | history.env
    log = Path("var/soak.log")
    log.unlink(missing_ok=True)
    trial = Trial(market, gateway, Feed(server.url, log, variables), server)
    faults = RandomFaults(gateway, options.seed)
    try:
        _disturb(trial, faults, options)
        faults.clear()
        gateway.fault("eof")  # the last session repeats the last hour
        trial.watch(CALM_MINUTES * 60 / options.speed)
        end = truth.align(clock()) - 2 * MINUTE
        stop_seconds = trial.feed.stop()
    finally:
        gateway.stop()
        history.stop()
    _report(trial, faults, result, begin - EARLIER, end, stop_seconds)


def _disturb(trial: Trial, faults: RandomFaults, options: argparse.Namespace) -> None:
    """Faults at random, kills and one restart of the database at even distances, for the hours of the market."""
    seconds = options.hours * 3600 / options.speed
    started = time.monotonic()
    steps = options.kills + 1  # the middle one is the restart of the database
    events = [(seconds * (number + 1) / (steps + 1), number) for number in range(steps)]
    while (passed := time.monotonic() - started) < seconds:
        if events and passed >= events[0][0]:
            _, number = events.pop(0)
            what, act = ("database", trial.server.restart) if number == steps // 2 else ("kill", trial.feed.kill)
            act()
        else:
            what = faults.add()
        print(f"{passed:6.0f} s  {what}", flush=True)
        if not trial.feed.is_running:
            raise SystemExit(f"stream_live ended by itself after {what}: see var/soak.log.")
        trial.watch(min(faults.pause(), seconds))


def _report(
    trial: Trial, faults: RandomFaults, result: BenchmarkResult, start: int, end: int, stop_seconds: float
) -> None:
    from django.db import connection

    from marketdata.models import FeedSession, IngestRun

    connection.close()  # the database was restarted
    found = truth.compare(trial.market, start, end)
    for name, bars in (("lost", found.lost), ("not of the market", found.surplus), ("wrong", found.wrong)):
        print(name, [(symbol, time.strftime("%F %R", time.gmtime(at // SECOND))) for symbol, at in bars[:10]])
    live = IngestRun.objects.filter(kind=IngestRun.Kind.LIVE)
    bad = sum(faults.counts.get(kind, 0) for kind in ("bad_ohlc", "undefined_price"))
    failed = live.exclude(status=IngestRun.Status.SUCCESS).exclude(file_path__contains="/quarantine/")
    asked = [bool(session.starts) and all(session.starts) for session in trial.gateway.sessions if session.started]
    result.add("bars", "expected", found.expected)
    result.add("runs", "expected", live.count())
    result.add("sessions", "expected", len(trial.gateway.sessions))
    result.add("faults", "expected", sum(faults.counts.values()))
    result.check("bars lost", len(found.lost), "<=", 0)
    result.check("bars that the market does not have", len(found.surplus), "<=", 0)
    result.check("bars with wrong values", len(found.wrong), "<=", 0)
    result.check("failed runs without a quarantined record", failed.count(), "<=", 0)
    result.check("sessions open at once", trial.open_at_once, "<=", 1)
    result.check("sessions that asked for no start", asked.count(False), "<=", 0)
    result.check("open sessions in the table", FeedSession.objects.filter(ended_at=None).count(), "<=", 0)
    result.check("seconds from SIGTERM to the end", stop_seconds, "<=", MAX_STOP_SECONDS)
    print(f"Faults: {faults.counts}; records that cannot be true: {bad}")
    for run in failed[:5]:
        print(run.pk, run.status, run.error)


if __name__ == "__main__":
    main()
