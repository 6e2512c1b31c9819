"""Processes that use an embedded server, for its tests."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psycopg2

from config.embedded import server

PACKAGES = Path(psycopg2.__file__).parents[1]
PROJECT = Path(__file__).resolve().parents[3]
AS_ROOT = os.geteuid() == 0

# Opens a connection for each line that it reads and prints the start time of the server.
CLIENT = """
import sys, psycopg2
from config.embedded import server
for line in sys.stdin:
    folder = server.ensure_running(sys.argv[1])
    connection = psycopg2.connect(host=str(folder), user=server.USER, dbname=server.DATABASE)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_postmaster_start_time()::text")
        print(cursor.fetchone()[0], flush=True)
    connection.close()
"""

# The same through Django.
DJANGO_CLIENT = """
import sys
from django.conf import settings
database = {"ENGINE": "config.embedded.backend", "NAME": "marketdata", "USER": "postgres"}
settings.configure(DATABASES={"default": database | {"OPTIONS": {"home": sys.argv[1]}}})
from django.db import connection
for line in sys.stdin:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_postmaster_start_time()::text")
        print(cursor.fetchone()[0], flush=True)
    connection.close()
"""


class Client:
    """A process that uses the server until its input ends."""

    def __init__(
        self,
        home: Path,
        script: str = CLIENT,
        python: str | Path = sys.executable,
        path: Iterable[Path] = (),
        **options: Any,
    ) -> None:
        self.process = subprocess.Popen(
            [python, "-c", script, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env=make_environment(*path),
            **options,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.input, self.output = self.process.stdin, self.process.stdout

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.input.close()
        self.process.wait(30)
        self.output.close()

    def ask(self) -> str:
        self.input.write("?\n")
        self.input.flush()
        answer: str = self.output.readline()
        return answer.strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def make_environment(*path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "EMBEDDED_PG"))}
    return kept | {"PYTHONPATH": os.pathsep.join(map(str, (PROJECT, *path))), "PYTHONDONTWRITEBYTECODE": "1"}


def run_script(script: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, str(home)],
        env=make_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )


def read_postmaster_pid(home: Path) -> int:
    return int((home / "data" / "postmaster.pid").read_text().split()[0])


def wait_until_stopped(home: Path, seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while server.is_running(home) and time.monotonic() < until:
        time.sleep(0.05)
    return not server.is_running(home)
