"""Makes the files of a seed, loads each in the child process, and compares the table with plain Python at the end."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from django.conf import settings
from django.db import connection

from config.testing.fuzz.mutations import build_samples, make_file
from config.testing.fuzz.plain import Bars, Claim, decode_bars
from config.testing.processes import database_url

MAX_MEMORY = 256 << 20  # bytes, resident
MAX_SECONDS = 20
# Errors that no rule of a file raises: the program failed, or the database refused what it was sent.
UNEXPECTED = {"UnexpectedError", "DatabaseFailure", "DatabaseUnavailable"}
CONTINUOUS = Claim("GLBX.MDP3", "MNQ.c.0", "CME_MINI:MNQ1!")

_BARS = """
SELECT symbol, (extract(epoch FROM ts) * 1000000000)::bigint, open * 1000000000, high * 1000000000,
       low * 1000000000, close * 1000000000, volume
FROM market_bars_ohlcv_1m
"""


@dataclass
class Outcome:
    """What a run found: how many files each error refused (`None`: loaded), and a sentence for each fault."""

    counts: Counter[str | None] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    peak: int = 0
    slowest: float = 0
    expected: Bars = field(default_factory=dict)

    def format(self, seed: int) -> str:
        """One line with all figures."""
        counts = ", ".join(f"{error or 'loaded'} {count:,}" for error, count in self.counts.most_common())
        return f"seed {seed}: {counts}; peak {self.peak >> 20} MiB, slowest {self.slowest:.1f} s"


class Fuzzer:
    """Loads the files of one seed. A file with a fault is kept in `kept`, named after the seed and its number."""

    def __init__(self, seed: int, folder: Path, kept: Path) -> None:
        self.seed, self._folder, self._kept = seed, folder, kept
        self._samples = build_samples()
        self._child: Child | None = None
        self.outcome = Outcome()

    def run(self, count: int) -> Outcome:
        """Load `count` files."""
        try:
            for number in range(count):
                self.load(number)
        finally:
            self._end_child()
        if self.outcome.expected != (found := read_table()):
            self.outcome.faults.append(
                f"seed {self.seed}: the table differs: {_find_difference(self.outcome.expected, found)}"
            )
        return self.outcome

    def load(self, number: int) -> None:
        """Load the file of this number, and note what is wrong."""
        random = Random(f"{self.seed}/{number}")
        name, content = make_file(self._samples, random)
        symbol = random.choice(("", "", "", "FUZZ A", "FUZZ B"))
        path = self._folder / f"{number}.dbn"
        path.write_bytes(content)
        answer = self._ask(path, symbol)
        path.unlink()
        if fault := self._judge(answer, content, symbol):
            self.outcome.faults.append(f"seed {self.seed}, file {number} ({name}): {fault}")
            self._kept.mkdir(parents=True, exist_ok=True)
            (self._kept / f"seed-{self.seed}-file-{number}-{name}.dbn").write_bytes(content)

    def _judge(self, answer: dict[str, Any], content: bytes, symbol: str) -> str:
        outcome = self.outcome
        outcome.counts[answer["error"]] += 1
        outcome.peak = max(outcome.peak, answer["memory"])
        outcome.slowest = max(outcome.slowest, answer["seconds"])
        if not answer["refused"] or answer["error"] in UNEXPECTED:
            return f"{answer['error']}: {answer['message']}"
        if answer["memory"] > MAX_MEMORY:
            return f"{answer['memory'] >> 20} MiB"
        if answer["seconds"] > MAX_SECONDS:
            return f"{answer['seconds']:.0f} seconds"
        if answer["error"] is None:
            return self._expect(content, symbol)
        if (
            "\n" in answer["message"]
            or not answer["message"].isprintable()
            or not answer["message"].endswith((".", "!"))
        ):
            return f"not a printable sentence: {answer['message']!r}"
        return ""

    def _expect(self, content: bytes, symbol: str) -> str:
        try:
            bars = decode_bars(content, series=symbol, claim=CONTINUOUS)
        except Exception as error:  # the file was loaded, so it must be readable
            return f"loaded, but plain Python cannot read it: {error!r}"
        self.outcome.expected |= bars
        return ""

    def _ask(self, path: Path, symbol: str) -> dict[str, Any]:
        self._child = self._child or Child(self._folder)
        answer = self._child.ask({"path": str(path), "symbol": symbol})
        if answer is None:
            message = self._end_child()
            return {"error": "ProcessDied", "message": message, "refused": False, "seconds": 0, "memory": 0}
        return answer

    def _end_child(self) -> str:
        child, self._child = self._child, None
        return child.end() if child else ""


class Child:
    """The process that loads files."""

    def __init__(self, folder: Path) -> None:
        self._errors = (folder / "stderr.txt").open("w+")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "config.testing.fuzz.child"],
            cwd=settings.BASE_DIR,
            env=os.environ | {"DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "config.settings"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def ask(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """The answer; None if the process died, or gave none in twice the time that a file may need."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], 2 * MAX_SECONDS)
        line = self._process.stdout.readline() if ready else ""
        answer: dict[str, Any] | None = json.loads(line) if line else None
        return answer

    def end(self) -> str:
        """End the process. Returns how it ended, and what it wrote to standard error."""
        assert self._process.stdin and self._process.stdout
        is_dead = self._process.poll() is not None
        if not is_dead:
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            pipe.close()
        self._errors.seek(0)
        written = self._errors.read()[-2000:]
        self._errors.close()
        return f"exit code {self._process.returncode}: {written}"


def read_table() -> Bars:
    """All stored bars, as `decode_bars` gives them."""
    with connection.cursor() as cursor:
        cursor.execute(_BARS)
        return {(symbol, time): tuple(int(value) for value in values) for symbol, time, *values in cursor}


def _find_difference(expected: Bars, found: Bars) -> str:
    keys = sorted(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
    first = keys[0]
    return f"{len(keys):,} bars, such as {first}: expected {expected.get(first)}, found {found.get(first)}"
