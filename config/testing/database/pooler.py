"""pgbouncer in front of the test database."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import connection

PROGRAM = "/usr/sbin/pgbouncer"  # Debian's folder for it is not in the path of every account
_SECONDS = 15

# auth_type any: pgbouncer connects to the server as the user of this line, and asks clients for no password.
_SETTINGS = """
[databases]
{name} = host={host} port={port} user={user}{password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 200
logfile = {folder}/log
"""


def find_pooler() -> str | None:
    """The program's path, or None."""
    return shutil.which("pgbouncer") or (PROGRAM if os.access(PROGRAM, os.X_OK) else None)


@contextlib.contextmanager
def pooler(mode: str, *, size: int = 20) -> Iterator[str]:
    """Within it, pgbouncer runs in this mode, with up to `size` sessions of the server. Yields the database's URL."""
    program = find_pooler()
    assert program is not None
    connection.ensure_connection()
    server = connection.connection.info
    folder = Path(tempfile.mkdtemp(prefix="pooler-"))
    account = _find_account(Path(server.host))
    try:
        if account:
            shutil.chown(folder, account["user"])
        own_port = _find_free_port()
        settings = folder / "pgbouncer.ini"
        values = {"name": server.dbname, "host": server.host, "port": server.port, "user": server.user}
        password = f" password={server.password}" if server.password else ""
        own = {"own_port": own_port, "mode": mode, "size": size, "folder": folder}
        settings.write_text(_SETTINGS.format(**values, **own, password=password))
        settings.chmod(0o644)
        process = subprocess.Popen([program, "-q", settings], cwd="/", stderr=subprocess.DEVNULL, **account)
        try:
            _wait_until_listening(process, own_port, folder / "log")
            yield f"postgres://{server.user}@127.0.0.1:{own_port}/{server.dbname}"
        finally:
            process.kill()
            process.wait()
    finally:
        shutil.rmtree(folder)


def _find_account(host: Path) -> dict[str, Any]:
    """pgbouncer does not run as root. It runs as the owner of the server's socket, whose folder others cannot enter."""
    if os.geteuid() != 0:
        return {}
    owner = host.stat().st_uid if host.is_absolute() else pwd.getpwnam("nobody").pw_uid
    return {"user": owner or pwd.getpwnam("nobody").pw_uid, "group": pwd.getpwuid(owner).pw_gid, "extra_groups": []}


def _find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(f"pgbouncer does not run: {log.read_text() if log.exists() else process.poll()}")
