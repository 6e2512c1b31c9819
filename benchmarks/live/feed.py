"""`manage.py stream_live` as a process that is killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.harness.scratch import ROOT

# Short, so that a trial at 60 times the market's speed meets every deadline within it.
SHORT = {
    "LIVE_HEARTBEAT_SECONDS": "5",
    "LIVE_SILENCE_SECONDS": "3",
    "LIVE_CONNECT_SECONDS": "4",
    "LIVE_NO_BARS_SECONDS": "6",
    "LIVE_LONGEST_PAUSE_SECONDS": "8",
    "LIVE_REPEAT_AFTER_SECONDS": "8",
}


class Feed:
    """`stream_live` on one database. `variables` name the vendor's servers and the folder of downloads."""

    def __init__(self, url: str, log: Path, variables: dict[str, str]) -> None:
        self._environment = os.environ | {"DATABASE_URL": url} | SHORT | variables
        self._log = log.open("ab")
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "stream_live"],
            cwd=ROOT,
            env=self._environment,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL, and start another."""
        self.process.kill()
        self.process.wait()
        self.start()

    def stop(self) -> float:
        """SIGTERM. Returns the seconds until it has ended."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()
        return time.monotonic() - started
