"""A PostgreSQL server of a test's own, and the programs that belong to a version of PostgreSQL."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from config.embedded.errors import EmbeddedPostgresError
from config.embedded.layout import find_wheel

DEBIAN = "/usr/lib/postgresql"


def find_programs(major: int) -> Path | None:
    """The folder of pg_dump and the other programs of this version: of the wheel, or of Debian's packages."""
    with contextlib.suppress(EmbeddedPostgresError):
        bundled = find_wheel() / "pginstall" / "bin"
        version = subprocess.run([bundled / "pg_dump", "--version"], capture_output=True, text=True, check=True).stdout
        if version.split()[-1].startswith(f"{major}."):
            return bundled
    packaged = Path(DEBIAN, str(major), "bin")
    return packaged if (packaged / "initdb").exists() else None


def find_installed_programs() -> Path | None:
    """The folder of initdb and the other programs of any version outside the wheel, whose programs another account may
    not be able to run."""
    found = shutil.which("initdb") or next(Path(DEBIAN).glob("*/bin/initdb"), None)
    return Path(found).resolve().parent if found else None  # a link may be the only one in its folder


@contextlib.contextmanager
def temporary_server(programs: Path, *, password: str = "") -> Iterator[str]:
    """Within it, a new server runs. Yields the URL of a superuser, with {user} and {database} to be filled in.

    With a password, the server requires it of `postgres`: the user to fill in is then postgres:PASSWORD.
    """
    folder = Path(tempfile.mkdtemp(prefix="server-"))
    account: dict[str, Any] = (
        {"user": account_of_server()} if os.geteuid() == 0 else {}
    )  # PostgreSQL does not run as root
    quiet: dict[str, Any] = {
        "check": True,
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.STDOUT,
        "cwd": "/",
    } | account
    data = folder / "data"
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c shared_buffers=16MB"
    try:
        if account:
            shutil.chown(folder, account["user"])
            folder.chmod(0o755)
        auth = ["--auth=trust"]
        if password:
            password_file = folder / "password"
            password_file.write_text(password)
            password_file.chmod(0o644)
            auth = ["--auth=scram-sha-256", f"--pwfile={password_file}"]
        subprocess.run([programs / "initdb", "-D", data, "-U", "postgres", "-E", "UTF8", *auth], **quiet)
        subprocess.run([programs / "pg_ctl", "-D", data, "-w", "-o", options, "start"], **quiet)
        try:
            yield f"postgres://{{user}}@/{{database}}?host={folder}"
        finally:
            subprocess.run([programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **quiet)
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def temporary_standby(programs: Path, url: str) -> Iterator[str]:
    """Within it, a hot standby of the server runs, up to date as of its start. Yields its URL, to be filled in."""
    folder = Path(tempfile.mkdtemp(prefix="standby-"))
    account: dict[str, Any] = {"user": account_of_server()} if os.geteuid() == 0 else {}
    quiet: dict[str, Any] = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "cwd": "/"}
    data, primary = folder / "data", url.format(user="postgres", database="postgres")
    try:
        if account:
            shutil.chown(folder, account["user"])
            folder.chmod(0o755)
        copy = ["-d", primary, "-D", str(data), "-X", "stream", "-c", "fast", "--no-sync", "-R"]
        subprocess.run([programs / "pg_basebackup", *copy], **quiet, **account)
        options = f"-c listen_addresses='' -c unix_socket_directories={folder}"
        subprocess.run([programs / "pg_ctl", "-D", data, "-w", "-o", options, "start"], **quiet, **account)
        try:
            yield f"postgres://{{user}}@/{{database}}?host={folder}"
        finally:
            subprocess.run([programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **quiet, **account)
    finally:
        shutil.rmtree(folder)


def account_of_server() -> str:
    """Who runs the server where this process is root."""
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"
