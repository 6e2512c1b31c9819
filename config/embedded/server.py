"""The lifecycle of the embedded server: the first process that needs it starts it, the last one to exit stops it.

A killed process leaves the server running. The next process uses it, and stops it if it is the last user.
EMBEDDED_PG_KEEP=1 keeps the server running at exit.
"""

import atexit
import contextlib
import logging
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psycopg2

from config.embedded import locks, postmaster
from config.embedded.control import USER, create_data, start_server, stop_server
from config.embedded.errors import EmbeddedPostgresError, make_error
from config.embedded.layout import find_layout, find_wheel
from config.embedded.sockets import PORT, find_socket_folder, is_listening

logger = logging.getLogger(__name__)

DATABASE = "marketdata"
CONNECT_SECONDS = 60  # a connection waits so long for crash recovery

# psycopg2 gives no SQLSTATE for a refused connection. The first pattern: "... starting up", "... in recovery mode".
TRANSIENT = re.compile(
    "the database system is|server closed the connection unexpectedly|reset by peer|refused|No such file"
)

Connection = TypeVar("Connection")

_sockets: dict[Path, Path] = {}


def ensure_running(home: Path) -> Path:
    """Start the server of that folder unless it runs, register this process as a user, return the socket folder.

    Call it before each new connection, because the server may have been killed. It costs microseconds if the server
    runs. Raises `EmbeddedPostgresError`.
    """
    home = Path(home).expanduser().resolve()
    with _translate_errors(home), locks.thread_lock:
        if locks.is_member(home) and is_listening(_sockets[home]):
            return _sockets[home]
        find_wheel()  # fails before any folder is created
        home.mkdir(parents=True, exist_ok=True)
        with locks.start_lock(home):
            _sockets[home] = _join_and_start(home)
        return _sockets[home]


def connect_with_retry(connect: Callable[[], Connection]) -> Connection:
    """Call `connect`, again while the server recovers from a crash. Raises its error after CONNECT_SECONDS."""
    until = time.monotonic() + CONNECT_SECONDS
    while True:
        try:
            return connect()
        except psycopg2.OperationalError as error:
            if not TRANSIENT.search(str(error)) or time.monotonic() > until:
                raise
        time.sleep(0.1)


def stop(home: Path) -> bool:
    """Stop the server even if processes use it; False if none runs."""
    home = Path(home).expanduser().resolve()
    with _translate_errors(home), locks.thread_lock:
        if not home.exists():
            return False
        with locks.start_lock(home):
            return _stop(home)


def is_running(home: Path) -> bool:
    """Whether a server runs on the data of that folder."""
    return postmaster.status((Path(home).expanduser() / "data").resolve()) is not None


def find_psql() -> str:
    """Path of the system's psql, which has line editing and a history; else of the wheel's, which has neither."""
    return shutil.which("psql") or str(find_wheel() / "pginstall" / "bin" / "psql")


def _join_and_start(home: Path) -> Path:
    joined = locks.join(home)
    try:
        layout = find_layout(home)
        folder = find_socket_folder(layout)
        if not layout.data.exists():
            create_data(layout)
        start_server(layout, folder)
        _create_database(folder)
    except BaseException:
        if joined:
            locks.leave(home)
        raise
    if joined:
        atexit.register(_leave, home)
    return folder


def _create_database(folder: Path) -> None:
    def connect() -> psycopg2.extensions.connection:
        return psycopg2.connect(host=str(folder), port=PORT, user=USER, dbname="postgres")

    with contextlib.closing(connect_with_retry(connect)) as connection:
        connection.autocommit = True  # CREATE DATABASE cannot run in a transaction
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if not cursor.fetchone():
                cursor.execute(f"CREATE DATABASE {DATABASE}")


def _leave(home: Path) -> None:
    """At exit: stop the server if this process is its last user. A forked child inherits the call but is no user."""
    if not locks.is_member(home):
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a late Ctrl-C would leave the server running
    try:
        with locks.start_lock(home):
            if locks.leave(home) and not _is_kept():
                _stop(home)
    except (EmbeddedPostgresError, OSError) as error:
        logger.warning("PostgreSQL in %s keeps running: %s", home, error)


def stop_if_unused(home: Path) -> None:
    """Stop the server if no process uses it, for a parent whose children were killed while they used it."""
    home = Path(home).expanduser().resolve()
    if locks.is_member(home) or not home.exists():  # a user stops it at its own exit
        return
    try:
        with locks.start_lock(home):
            if locks.is_unused(home) and not _is_kept():
                _stop(home)
    except (EmbeddedPostgresError, OSError) as error:
        logger.warning("PostgreSQL in %s keeps running: %s", home, error)


def _is_kept() -> bool:
    return os.environ.get("EMBEDDED_PG_KEEP", "").strip().lower() not in ("", "off", "false", "no", "n", "0")


def _stop(home: Path) -> bool:
    if not is_running(home):
        return False
    stop_server(find_layout(home))
    logger.info("stopped PostgreSQL in %s", home)
    return True


@contextlib.contextmanager
def _translate_errors(home: Path) -> Iterator[None]:
    """Raise errors of the system and of psycopg2 as `EmbeddedPostgresError`."""
    try:
        yield
    except (OSError, psycopg2.Error) as error:
        raise make_error(f"The embedded PostgreSQL in {home} cannot be used", str(error)) from error
