"""A PostgreSQL of the trial's own, since it is restarted."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg2

from config.testing.database.servers import (
    account_of_server,
    find_installed_programs,
    find_programs,
    temporary_server,
)

MAJOR = 18  # of the wheel
NAME = "soak"


class OwnServer:
    """`url` is of the database; `restart` ends every connection."""

    def __init__(self, programs: Path, url: str) -> None:
        self._programs, self.url = programs, url
        self._folder = Path(parse_qs(urlsplit(url).query)["host"][0])

    def restart(self) -> None:
        account: dict[str, Any] = {"user": account_of_server()} if os.geteuid() == 0 else {}
        command = [str(self._programs / "pg_ctl"), "-D", str(self._folder / "data"), "-w", "-m", "fast", "restart"]
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "cwd": "/"}
        subprocess.run(command, check=True, **quiet, **account)


@contextlib.contextmanager
def own_server() -> Iterator[OwnServer]:
    """Within it, a new server with an empty database runs. `SystemExit` where its programs are not there."""
    programs = find_installed_programs() or find_programs(MAJOR)
    if programs is None:
        raise SystemExit("The programs of a PostgreSQL server are not there: install postgresql.")
    with temporary_server(programs) as template:
        with contextlib.closing(psycopg2.connect(template.format(user="postgres", database="postgres"))) as admin:
            admin.autocommit = True
            admin.cursor().execute(f"CREATE DATABASE {NAME}")
        yield OwnServer(programs, template.format(user="postgres", database=NAME))
