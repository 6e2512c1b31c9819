"""The life of the embedded server: the first process that needs it starts it, the last one to exit stops it.

Processes that are killed leave it running; whoever comes next finds it, and stops it if it is the last.
EMBEDDED_PG_KEEP=1 leaves it running at exit.
"""

import atexit
import contextlib
import logging
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psycopg2

from config.embedded import locks, postmaster
from config.embedded.errors import ELSE, EmbeddedPostgresError, failure
from config.embedded.layout import Place, place_for, wheel
from config.embedded.sockets import PORT, answers, socket_dir

logger = logging.getLogger(__name__)

USER = "postgres"
DATABASE = "marketdata"

LIMIT = 300  # seconds for a start or a stop, either of which may have much to recover or to write
PATIENCE = 60  # seconds for one connection, while a crash is recovered from
ORPHANS_LIMIT = 15  # seconds until the last children of a killed server have noticed

OPTIONS = {
    "listen_addresses": "",  # the private socket is the only way in
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",  # a checkpoint in the middle of a bulk load costs more than disk
    "wal_compression": "pglz",
    "log_checkpoints": "off",  # the log is never rotated
}

# psycopg2 gives no SQLSTATE for a connection that is refused. The first: "... starting up", "... in recovery mode".
PASSING = re.compile(
    "the database system is|server closed the connection unexpectedly|reset by peer|refused|No such file"
)

Connection = TypeVar("Connection")

_sockets: dict[Path, Path] = {}


def ensure_running(home: Path) -> Path:
    """Start the server of that folder unless it runs, count this process as a user, return the socket folder.

    Cheap when all is well; call it before each new connection, because the server may have been killed.
    """
    home = Path(home).expanduser().resolve()
    with _told(home), locks.thread_lock:
        if locks.is_member(home) and answers(_sockets[home]):
            return _sockets[home]
        wheel()  # refuses what cannot work before anything is made
        home.mkdir(parents=True, exist_ok=True)
        with locks.start_lock(home):
            _sockets[home] = _join_and_start(home)
        return _sockets[home]


def patiently(connect: Callable[[], Connection]) -> Connection:
    """What `connect` returns, tried again while the server dies of a kill or recovers from a crash."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return connect()
        except psycopg2.OperationalError as error:
            if not PASSING.search(str(error)) or time.monotonic() > until:
                raise
        time.sleep(0.1)


def stop(home: Path) -> bool:
    """Stop the server, whoever uses it; False if none runs."""
    home = Path(home).expanduser().resolve()
    with _told(home), locks.thread_lock:
        if not home.exists():
            return False
        with locks.start_lock(home):
            return _stop(home)


def is_running(home: Path) -> bool:
    """Whether a server runs on the data of that folder."""
    return postmaster.status((Path(home).expanduser() / "data").resolve()) is not None


def psql() -> str:
    """The system's psql, which can edit lines and keeps a history; else the plain one of the wheel."""
    return shutil.which("psql") or str(wheel() / "pginstall" / "bin" / "psql")


def _join_and_start(home: Path) -> Path:
    joined = locks.join(home)
    try:
        place = place_for(home)
        folder = socket_dir(place)
        if not place.data.exists():
            _initdb(place)
        _bring_up(place, folder)
        _create_database(folder)
    except BaseException:
        if joined:
            locks.leave(home)
        raise
    if joined:
        atexit.register(_leave, home)
    return folder


def _initdb(place: Place) -> None:
    # In a draft, renamed when complete: a killed initdb leaves a folder that looks finished and never starts.
    for leftover in place.base.glob("data.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix="data.new-", dir=place.base))
    place.account.owns_new(draft)
    made = _run(
        place,
        "initdb",
        *("-D", draft, "-U", USER, "--auth=trust", "--encoding=UTF8"),
        *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
    )
    if made.returncode:
        shutil.rmtree(draft, ignore_errors=True)
        raise failure(f"The embedded PostgreSQL could not create its data in {place.base}", made.stdout)
    draft.rename(place.data)
    logger.info("created a PostgreSQL data folder in %s", place.data)


def _bring_up(place: Place, folder: Path) -> None:
    """Return when the server takes connections, whatever state it was found in."""
    until = time.monotonic() + LIMIT
    while (state := postmaster.status(place.data)) and time.monotonic() < until:
        if state == "ready" and answers(folder):
            return
        if state == "ready":  # its socket is gone: somebody cleared /tmp
            _pg_ctl_stop(place)
        time.sleep(0.1)
    if state:
        raise EmbeddedPostgresError(
            f"The PostgreSQL in {place.data} has been {state} for {LIMIT} s: wait, or stop it, or {ELSE}."
        )
    _start(place, folder)


def _start(place: Place, folder: Path) -> None:
    options = OPTIONS | {"unix_socket_directories": str(folder)}
    words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    log = place.data / "server.log"
    until = time.monotonic() + ORPHANS_LIMIT
    while True:
        postmaster.drop_stale_files(place.data, folder)
        seen = log.stat().st_size if log.exists() else 0
        started = _run(
            place,
            "pg_ctl",
            *("start", "-w", "-t", LIMIT, "-D", place.data, "-l", log, "-o", shlex.join(words)),
        )
        if not started.returncode:
            logger.info("started PostgreSQL on %s", place.data)
            return
        said = started.stdout + _tail(log, seen)
        # Children of a killed server, or a start whose caller was killed, are over in a moment.
        passing = "shared memory block" in said or "lock file" in said
        if not passing or time.monotonic() > until:
            raise failure(f"The embedded PostgreSQL in {place.base} could not start", said)
        time.sleep(0.2)
        if postmaster.status(place.data):  # that other start has got somewhere
            _bring_up(place, folder)
            return


def _create_database(folder: Path) -> None:
    def connect() -> psycopg2.extensions.connection:
        return psycopg2.connect(host=str(folder), port=PORT, user=USER, dbname="postgres")

    with contextlib.closing(patiently(connect)) as connection:
        connection.autocommit = True  # CREATE DATABASE runs outside transactions only
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if not cursor.fetchone():
                cursor.execute(f"CREATE DATABASE {DATABASE}")


def _leave(home: Path) -> None:
    """At exit. A forked child inherits this call but not the membership."""
    if not locks.is_member(home):
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command is over: a late Ctrl-C must not leave the server behind
    try:
        with locks.start_lock(home):
            if locks.leave(home) and not _is_kept():
                _stop(home)
    except (EmbeddedPostgresError, OSError) as error:
        logger.warning("PostgreSQL in %s keeps running: %s", home, error)


def stop_if_unused(home: Path) -> None:
    """Stop the server if no process uses it: for one whose children were killed while they did."""
    home = Path(home).expanduser().resolve()
    if locks.is_member(home) or not home.exists():  # a member stops it when it leaves
        return
    try:
        with locks.start_lock(home):
            if locks.nobody_uses(home) and not _is_kept():
                _stop(home)
    except (EmbeddedPostgresError, OSError) as error:
        logger.warning("PostgreSQL in %s keeps running: %s", home, error)


def _is_kept() -> bool:
    return os.environ.get("EMBEDDED_PG_KEEP", "").strip().lower() not in ("", "off", "false", "no", "n", "0")


def _stop(home: Path) -> bool:
    if not is_running(home):
        return False
    _pg_ctl_stop(place_for(home))
    logger.info("stopped PostgreSQL in %s", home)
    return True


def _pg_ctl_stop(place: Place) -> None:
    stopped = _run(place, "pg_ctl", "stop", "-w", "-t", LIMIT, "-m", "fast", "-D", place.data)
    if stopped.returncode and postmaster.status(place.data):
        raise failure(f"The embedded PostgreSQL in {place.base} could not be stopped", stopped.stdout)


def _run(place: Place, program: str, *words: object) -> subprocess.CompletedProcess:
    # The server takes its port and more from PG* variables that are meant for another database.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return subprocess.run(
        [place.programs / program, *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=clean | {"LC_ALL": "C"},  # errors.py reads English
        cwd="/",  # the account may not be able to enter ours
        start_new_session=True,  # Ctrl-C is for the command, which decides what becomes of it
        **place.account.switch,
    )


def _tail(log: Path, seen: int) -> str:
    try:
        return log.read_bytes()[seen:].decode(errors="replace")
    except OSError:
        return ""


@contextlib.contextmanager
def _told(home: Path):
    """Errors of the system and of the client library become the one error of this package."""
    try:
        yield
    except (OSError, psycopg2.Error) as error:
        raise failure(f"The embedded PostgreSQL in {home} cannot be used", str(error)) from error
