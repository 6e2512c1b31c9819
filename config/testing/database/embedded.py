"""Processes that use an embedded server, for its tests."""

import os
import subprocess
import sys
import time
from pathlib import Path

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

    def __init__(self, home, script=CLIENT, python=sys.executable, path=(), **options):
        self.process = subprocess.Popen(
            [python, "-c", script, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env=make_environment(*path),
            **options,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def ask(self):
        self.process.stdin.write("?\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def kill(self):
        self.process.kill()
        self.process.wait()


def make_environment(*path):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "EMBEDDED_PG"))}
    return kept | {"PYTHONPATH": os.pathsep.join(map(str, (PROJECT, *path))), "PYTHONDONTWRITEBYTECODE": "1"}


def run_script(script, home):
    return subprocess.run(
        [sys.executable, "-c", script, str(home)],
        env=make_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )


def read_postmaster_pid(home):
    return int((home / "data" / "postmaster.pid").read_text().split()[0])


def wait_until_stopped(home, seconds=10):
    until = time.monotonic() + seconds
    while server.is_running(home) and time.monotonic() < until:
        time.sleep(0.05)
    return not server.is_running(home)
