"""One stream_live at a time in a database: a session advisory lock on a connection of its own.

A process that is killed loses its connection, and so the lock, at once. A restart of the database ends it too: the
process asks for it again, and another one may have it by then.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable

from django.db import DEFAULT_DB_ALIAS, Error, connections

from ingestion.cancellation import CancellationToken
from marketdata.advisory_locks import LIVE, describe_holder
from marketdata.database import first_line

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.5
_NAME = "barkeep live on {host}, process {pid}"
_MAX_NAME = 63  # bytes of an application_name


def describe_process() -> str:
    """This process, for others: host and process id."""
    return f"{socket.gethostname()}, process {os.getpid()}"


class LiveLock:
    """The lock on a connection of its own."""

    def __init__(self) -> None:
        self._session = connections[DEFAULT_DB_ALIAS].copy()
        self._has_lock = False

    def wait(self, token: CancellationToken, report: Callable[[str], None]) -> bool:
        """Wait for the lock. `report` is called once, with a sentence that names the holder.

        False if a signal ended the wait. A database that does not answer is waited for too.
        """
        is_away = is_named = False
        while token.signal_number is None:
            try:
                holder = self._ask()
            except Error as error:
                holder = ""
                if not is_away:
                    report(f"The database does not answer ({first_line(error)}): waiting for it.")
                is_away = True
            if holder is None:
                return True
            if holder and not is_named:
                report(f"Another stream_live has this database ({holder}): waiting until it ends.")
                is_named = True
            token.arrived.wait(_POLL_SECONDS)
        return False

    def check(self) -> bool:
        """Whether this process still has the lock. After a restart of the database, it is asked for again, once.

        Raises a database error if the database does not answer.
        """
        if self._has_lock:
            try:
                with self._session.cursor() as cursor:
                    cursor.execute("SELECT 1")
                return True
            except Error as error:
                logger.info("The session of the lock was lost: %s", error)
                self._close()
        return self._ask() is None

    def release(self) -> None:
        """End the session, and so the lock."""
        self._close()

    def _ask(self) -> str | None:
        """None if this session has the lock now; else the holder, empty if it is not known. An error ends the session:
        the next call opens another one."""
        try:
            return self._try()
        except Error:
            self._close()
            raise

    def _try(self) -> str | None:
        with self._session.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", LIVE)
            if cursor.fetchone()[0]:
                self._has_lock = True
                name = _NAME.format(host=socket.gethostname(), pid=os.getpid())
                cursor.execute("SELECT set_config('application_name', %s, false)", [name[:_MAX_NAME]])
                return None
            return describe_holder(cursor, LIVE)

    def _close(self) -> None:
        try:
            self._session.close()
        except Error as error:
            logger.debug("The session of the lock could not be closed: %s", error)
        self._session, self._has_lock = connections[DEFAULT_DB_ALIAS].copy(), False
