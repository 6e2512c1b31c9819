"""Creates, starts and stops a server by PostgreSQL's programs initdb and pg_ctl, whether processes use it or not."""

import logging
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from config.embedded import postmaster
from config.embedded.errors import FALLBACK, EmbeddedPostgresError, make_error
from config.embedded.layout import ServerLayout
from config.embedded.sockets import PORT, is_listening

logger = logging.getLogger(__name__)

USER = "postgres"

START_STOP_SECONDS = 300  # recovery before a start, or a checkpoint before a stop, may take minutes
ORPHANS_SECONDS = 15  # the child processes of a killed server end within seconds

OPTIONS = {
    "listen_addresses": "",  # connections use the private socket only
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",  # fewer checkpoints during a bulk load
    "wal_compression": "off",  # pglz takes longer than the statement that changes the pages
    "log_checkpoints": "off",  # the log is never rotated
}


def create_data(layout: ServerLayout) -> None:
    """Create the data folder with initdb. `EmbeddedPostgresError` if that fails."""
    # A killed initdb leaves a folder that looks complete and never starts, so it writes to a draft that is renamed.
    for leftover in layout.base.glob("data.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix="data.new-", dir=layout.base))
    layout.account.give_ownership(draft)
    created = _run(
        layout,
        "initdb",
        *("-D", draft, "-U", USER, "--auth=trust", "--encoding=UTF8"),
        *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
    )
    if created.returncode:
        shutil.rmtree(draft, ignore_errors=True)
        raise make_error(f"The embedded PostgreSQL could not create its data in {layout.base}", created.stdout)
    draft.rename(layout.data)
    logger.info("created a PostgreSQL data folder in %s", layout.data)


def start_server(layout: ServerLayout, folder: Path) -> None:
    """Start the server unless it runs; return when it accepts connections. `EmbeddedPostgresError` if it cannot."""
    until = time.monotonic() + START_STOP_SECONDS
    while (state := postmaster.status(layout.data)) and time.monotonic() < until:
        if state == "ready" and is_listening(folder):
            return
        if state == "ready":  # its socket file was removed, for instance by a cleanup of /tmp
            stop_server(layout)
        time.sleep(0.1)
    if state:
        raise EmbeddedPostgresError(
            f"The PostgreSQL in {layout.data} has been {state} for {START_STOP_SECONDS} s: "
            f"wait, or stop it, or {FALLBACK}."
        )
    _start(layout, folder)


def _start(layout: ServerLayout, folder: Path) -> None:
    options = OPTIONS | {"unix_socket_directories": str(folder)}
    arguments = [argument for name, value in options.items() for argument in ("-c", f"{name}={value}")]
    log = layout.data / "server.log"
    until = time.monotonic() + ORPHANS_SECONDS
    while True:
        postmaster.remove_stale_files(layout.data, folder)
        offset = log.stat().st_size if log.exists() else 0
        started = _run(
            layout,
            "pg_ctl",
            *("start", "-w", "-t", START_STOP_SECONDS, "-D", layout.data, "-l", log, "-o", shlex.join(arguments)),
        )
        if not started.returncode:
            logger.info("started PostgreSQL on %s", layout.data)
            return
        output = started.stdout + _read_from(log, offset)
        # The children of a killed server, or a start whose caller was killed, end within seconds.
        is_transient = "shared memory block" in output or "lock file" in output
        if not is_transient or time.monotonic() > until:
            raise make_error(f"The embedded PostgreSQL in {layout.base} could not start", output)
        time.sleep(0.2)
        if postmaster.status(layout.data):  # the other start succeeded
            start_server(layout, folder)
            return


def stop_server(layout: ServerLayout) -> None:
    """Stop the server; open transactions are rolled back. `EmbeddedPostgresError` if it cannot be stopped."""
    stopped = _run(layout, "pg_ctl", "stop", "-w", "-t", START_STOP_SECONDS, "-m", "fast", "-D", layout.data)
    if stopped.returncode and postmaster.status(layout.data):
        raise make_error(f"The embedded PostgreSQL in {layout.base} could not be stopped", stopped.stdout)


def _run(layout: ServerLayout, program: str, *arguments: object) -> subprocess.CompletedProcess:
    # The server reads PG* variables, which name another database.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return subprocess.run(
        [layout.programs / program, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=clean | {"LC_ALL": "C"},  # errors.py reads English
        cwd="/",  # the account may be unable to enter the current folder
        start_new_session=True,  # a Ctrl-C must reach the command only, not the server
        **layout.account.subprocess_options,
    )


def _read_from(log: Path, offset: int) -> str:
    try:
        return log.read_bytes()[offset:].decode(errors="replace")
    except OSError:
        return ""
