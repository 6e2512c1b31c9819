"""On a terminal: a question before money is spent, progress, and Ctrl-C."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest
from django.conf import settings

from config.testing.processes import database_url
from ingestion.tests.feeds.history.conftest import DAY, Trial
from marketdata.models import Bar, FeedRequest

pytestmark = pytest.mark.slow


class Terminal:
    """`manage.py backfill` on a terminal of its own. `text` is what it has printed."""

    def __init__(self, trial: Trial, *arguments: str) -> None:
        self._main, worker = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "backfill", *arguments],
            cwd=settings.BASE_DIR,
            env=os.environ | {"DATABASE_URL": database_url(), "COLUMNS": "160", "TERM": "xterm"} | trial.server.env,
            stdin=worker,
            stdout=worker,
            stderr=worker,
            start_new_session=True,
        )
        os.close(worker)
        self.text = ""

    def read_until(self, words: str, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while words not in self.text:
            assert time.monotonic() < until, self.text
            self._read()

    def end(self) -> int:
        while self._read():
            pass
        os.close(self._main)
        return self.process.wait(60)

    def type(self, text: str) -> None:
        os.write(self._main, text.encode())

    def _read(self) -> bool:
        if not select.select([self._main], [], [], 1)[0]:
            return self.process.poll() is None
        try:
            found = os.read(self._main, 65536).decode(errors="replace")
        except OSError:  # the other end is closed
            return False
        self.text += found
        return bool(found)


@pytest.mark.parametrize(("answer", "bought"), [("y\n", 1), ("\n", 0), ("no\n", 0)])
def test_it_asks_before_money_is_spent(trial: Trial, answer: str, bought: int):
    terminal = Terminal(trial)
    terminal.read_until("[y/N]")
    assert re.search(r"Buy 1 request for USD 0\.\d+\? \[y/N\]", terminal.text)
    assert "Total: 1 request, " in terminal.text
    assert trial.server.purchases == []
    terminal.type(answer)
    assert terminal.end() == 0
    assert len(trial.server.purchases) == bought
    assert ("Nothing was bought: give --yes" in terminal.text) is not bool(bought)
    if bought:
        trial.check_table()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_question(trial: Trial, number: int, code: int):
    terminal = Terminal(trial)
    terminal.read_until("[y/N]")
    terminal.process.send_signal(number)
    assert terminal.end() == code
    assert trial.server.purchases == []
    assert "interrupted: " in terminal.text


def test_progress_has_requests_bytes_rows_and_dollars(trial: Trial):
    trial.now += 35 * DAY
    trial.server.fault("timeseries.get_range", "slow", times=2, rate=60_000)
    terminal = Terminal(trial, "--yes")
    assert terminal.end() == 0
    assert re.search(r"2/2 mnq 2024-04-01: \w+, \d+\.\d MB, [\d,]+ rows, USD 0\.\d+", terminal.text), terminal.text
    assert re.search(r"\d:\d\d:\d\d", terminal.text)
    assert "BACKFILL COMPLETE" in terminal.text
    trial.check_table()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_after_the_request_that_is_paid_for(trial: Trial, number: int):
    """What is paid for is received whole, and loaded by the next backfill at the latest."""
    trial.now += 35 * DAY
    trial.server.fault("timeseries.get_range", "slow", times=1, rate=60_000)
    terminal = Terminal(trial, "--yes")
    while not trial.server.purchases:
        time.sleep(0.02)
    terminal.process.send_signal(number)
    assert terminal.end() == 128 + number
    assert len(trial.server.purchases) == 1
    assert not FeedRequest.objects.filter(state__in=["failed", "priced"]).exists()
    trial.fill()
    trial.check_table()
    trial.check_money()
    assert Bar.objects.exists()
