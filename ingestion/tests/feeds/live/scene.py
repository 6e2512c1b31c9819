"""`manage.py stream_live` in processes of its own, against the gateway and the historical API of the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from config.testing.feeds.historical import FakeHistorical
from config.testing.feeds.live import FakeLive
from config.testing.feeds.times import MINUTE
from config.testing.processes import database_url, scale_limit
from marketdata.models import Bar, FeedSession, IngestRun, Series

FAST = {
    "LIVE_HEARTBEAT_SECONDS": "5",
    "LIVE_SILENCE_SECONDS": "1",
    "LIVE_CONNECT_SECONDS": "3",
    "LIVE_NO_BARS_SECONDS": "4",
    "LIVE_CLOSE_AFTER_SECONDS": "2",
    "LIVE_LONGEST_PAUSE_SECONDS": "2",
    "LIVE_REPEAT_AFTER_SECONDS": "2",
}


class Stream:
    """A process of the command. `lines`: what it has printed so far."""

    def __init__(self, *arguments: str, variables: dict[str, str]) -> None:
        self._text = ""
        self._out = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed with the process
        self.started = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", "stream_live", *arguments],
            cwd=settings.BASE_DIR,
            env=os.environ | {"DATABASE_URL": database_url()} | variables,
            stdout=self._out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def text(self) -> str:
        if self._out.closed:
            return self._text
        with open(self._out.fileno(), closefd=False) as out:
            out.seek(0)
            return out.read()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait_for(self, words: str, seconds: float = 20) -> None:
        wait_until(lambda: words in self.text or not self.is_running, seconds, lambda: self.text)
        assert words in self.text, self.text

    def kill(self) -> None:
        """SIGKILL, as the kernel does when memory runs out."""
        self._process.kill()
        self._process.wait()

    def stop(self, number: int = signal.SIGTERM, seconds: float = 60) -> tuple[int, float]:
        """The exit code, and the seconds from the signal to the end."""
        began = time.monotonic()
        self._process.send_signal(number)
        code = self._process.wait(seconds)
        return code, time.monotonic() - began

    def end(self, seconds: float = 60) -> int:
        """The exit code of a process that ends by itself."""
        return self._process.wait(seconds)

    def close(self) -> None:
        if self.is_running:
            self.kill()
        self._text = self.text
        print(self._text)  # noqa: T201  # pytest shows it with a failure
        self._out.close()


class Scene:
    """A gateway, a historical API, and the series mnq."""

    def __init__(self, gateway: FakeLive, historical: FakeHistorical, **variables: str) -> None:
        self.gateway, self.historical = gateway, historical
        self.variables = historical.env | FAST | {"DATABENTO_LIVE_GATEWAY": gateway.address} | variables
        self.feed_dir = Path(self.variables["FEED_DIR"])

    def subscribe(self, slug: str = "mnq", feed_symbol: str = "MNQ.c.0", **fields: Any) -> Series:
        """A live series."""
        self.feed_symbol = feed_symbol
        own = {"feed_symbol": feed_symbol, "feed_stype": "continuous", "dataset": "GLBX.MDP3", "live": True} | fields
        defaults = {"symbol": f"CME_MINI:{slug.upper()}1!", "calendar": "CME Globex Equity"} | own
        if slug == "mnq":
            Series.objects.filter(slug="mnq").update(**own)
        else:
            Series.objects.create(slug=slug, vendor_symbols=[feed_symbol], **defaults)
        return Series.objects.get(slug=slug)

    @contextmanager
    def run(self, *arguments: str, **variables: str) -> Iterator[Stream]:
        stream = Stream(*arguments, variables=self.variables | variables)
        try:
            yield stream
        finally:
            stream.close()

    def wait_for_market(self, minutes: int, seconds: float = 40) -> int:
        """Wait until the market's clock has moved on by so many minutes. Returns its time (ns)."""
        until = self.gateway.clock() + minutes * MINUTE
        wait_until(lambda: self.gateway.clock() >= until, seconds)
        return self.gateway.clock()

    def wait_for_bars(self, until: int, seconds: float = 20) -> None:
        """Wait until the table has the market's last bar before `until` (ns)."""
        wait_until(lambda: not self.find_lacking(until), seconds, lambda: str(sorted(self.find_lacking(until))[-5:]))

    def expect(self, until: int, symbol: str = "") -> dict[int, tuple]:
        """The market's bars of a continuous symbol from the first session's first minute on, by time (ns)."""
        starts = [start for session in self.gateway.sessions for start in session.starts if start]
        oldest = int(self.gateway.clock.start) - int(self.gateway.replay_hours * 3600) * 10**9
        first = -(-max(min(starts), oldest) // MINUTE) * MINUTE
        rows = self.gateway.market.bars([symbol or self.feed_symbol], "continuous", first, until)
        return {int(row["ts_event"]): tuple(int(row[name]) for name in VALUES) for row in rows}

    def find_lacking(self, until: int) -> set[int]:
        wanted = {ts for ts in self.expect(until) if ts + MINUTE <= until}
        return wanted - read_bars().keys()

    def check_table(self, until: int, symbol: str = "CME_MINI:MNQ1!", feed_symbol: str = "") -> None:
        """The table has the market's bars before `until`, and no others before it."""
        wanted = {ts: row for ts, row in self.expect(until, feed_symbol).items() if ts + MINUTE <= until}
        found = {ts: row for ts, row in read_bars(symbol).items() if ts + MINUTE <= until}
        assert found.keys() == wanted.keys(), describe_difference(found, wanted)
        assert found == wanted

    def list_spool(self, folder: str = "") -> list[Path]:
        """The files that are not stored yet, or those of another folder beside them."""
        return [path for path in self.feed_dir.glob(f"*/live/{folder}*") if path.is_file()]

    def check_runs(self) -> None:
        """All runs are of the live feed, and succeeded."""
        failed = IngestRun.objects.exclude(kind="live", status="success")
        assert not failed.exists(), list(failed.values_list("kind", "status", "error"))
        assert not IngestRun.objects.filter(feed_session=None).exists()

    def check_gateway(self) -> None:
        """Each session asked for a replay, and at most one is open."""
        assert all(start for session in self.gateway.sessions for start in session.starts)
        assert len(self.gateway.open_sessions) <= 1


VALUES = ("open", "high", "low", "close", "volume")


def read_bars(symbol: str = "CME_MINI:MNQ1!") -> dict[int, tuple]:
    rows = Bar.objects.filter(symbol=symbol).values_list("ts", *VALUES)
    return {
        int(ts.timestamp()) * 10**9: (*(int(price * 10**9) for price in prices), int(volume))
        for ts, *prices, volume in rows
    }


def describe_difference(found: dict[int, tuple], wanted: dict[int, tuple]) -> str:
    lacking, more = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
    shown = [[f"{to_time(ts):%m-%d %H:%M}" for ts in times[:8]] for times in (lacking, more)]
    return f"{len(lacking)} lacking {shown[0]}, {len(more)} more {shown[1]} of {len(wanted)}"


def to_time(ns: int) -> datetime:
    return datetime.fromtimestamp(ns // 10**9, UTC)


def floor_minute(moment: datetime) -> datetime:
    return moment - timedelta(seconds=moment.second, microseconds=moment.microsecond)


def wait_until(holds: Callable[[], bool], seconds: float, describe: Callable[[], str] = str) -> None:
    until = time.monotonic() + scale_limit(seconds)
    while not holds():
        assert time.monotonic() < until, describe()
        time.sleep(0.05)


def end_sessions(seconds: float) -> None:
    """Keep the database away from everything but this connection."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        time.sleep(0.02)


def list_ends() -> list[str]:
    return list(FeedSession.objects.order_by("pk").values_list("end", flat=True))
