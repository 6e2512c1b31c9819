"""A scratch database on the server of the settings: created for a benchmark and dropped after it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from django.db.backends.utils import CursorWrapper

ROOT = Path(__file__).resolve().parents[2]
NAME = "barkeep_bench"
MARK = "scratch of benchmarks/: dropped without asking"
SERVER = (
    "shared_buffers",
    "max_wal_size",
    "wal_compression",
    "fsync",
    "synchronous_commit",
)  # that the speed of a load depends on

USED_BY_LOADER = ("django", "psycopg2-binary", "databento-dbn", "numpy", "zstandard")
USED_BY_OTHERS = ("databento", "pandas", "sqlalchemy", "adbc-driver-postgresql", "pyarrow")


def set_up_django() -> None:
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()


@contextlib.contextmanager
def scratch_database(suffix: str = "") -> Iterator[str]:
    """Connect Django to a new, migrated, empty database; yields its URL for other processes. Several at a time need
    different suffixes."""
    from django.core.management import call_command
    from django.db import connection

    name = NAME + suffix
    before = connection.settings_dict["NAME"]
    with connection._nodb_cursor() as cursor:
        _drop_leftover(cursor, name)
        cursor.execute(f"CREATE DATABASE {name}")
        cursor.execute(f"COMMENT ON DATABASE {name} IS %s", [MARK])
    switch_to(name)
    try:
        call_command("migrate", verbosity=0)
        yield get_url(name)
    finally:
        switch_to(before)
        connection.close()
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def switch_to(name: str) -> None:
    """Connect Django to this database of the server."""
    from django.db import connection

    connection.close()
    connection.settings_dict["NAME"] = name


def _drop_leftover(cursor: CursorWrapper, name: str) -> None:
    """Drop the database of a benchmark that was killed. `SystemExit` for a database that no benchmark created."""
    cursor.execute("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [name])
    found = cursor.fetchone()
    if found and found[0] != MARK:
        raise SystemExit(f"The server has a database {name} that no benchmark created: rename or drop it first.")
    if found:
        cursor.execute(f"DROP DATABASE {name}")  # fails while another benchmark uses it, which is intended


def get_url(name: str) -> str:
    """A URL of a database on the connected server. The folder of a Unix socket goes into `?host=`."""
    from django.db import connection

    connection.ensure_connection()
    parameters = connection.connection.get_dsn_parameters()
    password = connection.settings_dict["PASSWORD"]
    login = quote(parameters["user"], safe="") + (f":{quote(password, safe='')}" if password else "")
    return f"postgresql://{login}@/{name}?host={quote(parameters.get('host', ''), safe='')}&port={parameters['port']}"


def describe_machine() -> dict[str, str | int | float]:
    """Hardware, versions and the server's settings, as the result records them."""
    import platform

    from django.db import connection

    cpu = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].split(":", 1)[1].strip() if names else cpu
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, current_setting(name) FROM unnest(%s) AS name", [["server_version", *SERVER]])
        server = dict(cursor.fetchall())
    hardware: dict[str, str | int | float] = {
        "cpu": cpu,
        "cores": os.cpu_count() or 0,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
    }
    versions = {"postgresql": server.pop("server_version").split()[0], "python": platform.python_version()}
    packages = (*USED_BY_LOADER, *USED_BY_OTHERS)
    return hardware | versions | {name: _version_of(name) for name in packages} | server


def _version_of(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"  # only the other ways need it
