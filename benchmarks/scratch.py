"""A scratch database on the server of the settings, made for a benchmark and dropped behind it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
NAME = "barkeep_bench"


def set_up_django() -> None:
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()


@contextlib.contextmanager
def scratch_database() -> Iterator[str]:
    """Within it, Django's connection is to a migrated, empty database; yields a URL of it for other processes."""
    from django.core.management import call_command
    from django.db import connection

    with connection._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {NAME}")
        cursor.execute(f"CREATE DATABASE {NAME}")
    connection.close()
    connection.settings_dict["NAME"] = NAME
    try:
        call_command("migrate", verbosity=0)
        yield _url()
    finally:
        connection.close()
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


def _url() -> str:
    """Of the database that is connected, also where it listens on a Unix socket only."""
    from django.db import connection

    connection.ensure_connection()
    parameters = connection.connection.get_dsn_parameters()
    password = connection.settings_dict["PASSWORD"]
    login = quote(parameters["user"], safe="") + (f":{quote(password, safe='')}" if password else "")
    return f"postgresql://{login}@{quote(parameters.get('host', ''), safe='')}:{parameters['port']}/{NAME}"


def machine() -> dict[str, str | int]:
    """What the figures were taken on."""
    import platform
    from importlib.metadata import version

    from django.db import connection

    cpu = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].split(":", 1)[1].strip() if names else cpu
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        server = cursor.fetchone()[0].split()[0]
    packages = {name: version(name) for name in ("numpy", "psycopg2-binary", "databento", "pandas", "zstandard")}
    return {
        "cpu": cpu,
        "cores": os.cpu_count() or 0,
        "postgresql": server,
        "python": platform.python_version(),
    } | packages
