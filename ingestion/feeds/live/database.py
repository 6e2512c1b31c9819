"""Repeats what the main thread does with the database until the database answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import DataError, Error, IntegrityError, ProgrammingError, connection

from ingestion.cancellation import CancellationToken
from ingestion.errors import DatabaseFailure, IngestError
from ingestion.feeds.live.lock import LiveLock
from marketdata.database import first_line, get_sqlstate

T = TypeVar("T")

_FIRST_PAUSE_SECONDS, _MAX_PAUSE_SECONDS = 0.1, 2.0
_NOT_USABLE = "42"  # the class of SQLSTATEs of tables, columns and rights that are lacking


class LockTaken(Exception):
    """Another process has the lock: after a restart of the database."""


class Stopped(Exception):
    """A signal arrived while the database did not answer."""


class DatabaseAccess:
    """Waits for a database that does not answer. `report` gets a sentence when that begins, and when it is over."""

    def __init__(self, lock: LiveLock, token: CancellationToken, report: Callable[[str], None]) -> None:
        self._lock, self._token, self._report = lock, token, report
        self._is_away = False

    def run(self, action: Callable[[], T]) -> T:
        """The result of the action, which is repeated until the database answers and this process has the lock.

        Raises `LockTaken` if another process has the lock, `Stopped` on a signal meanwhile, and `IngestError` for a
        table or a right that is lacking.
        """
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                if not self._lock.check():
                    raise LockTaken
                result = action()
            except (DataError, IntegrityError):
                raise
            except (Error, DatabaseFailure) as error:
                _refuse_wrong_database(error)
                self._wait(error, pause)
                pause = min(2 * pause, _MAX_PAUSE_SECONDS)
            else:
                if self._is_away:
                    self._is_away = False
                    self._report("The database answers again.")
                return result

    def _wait(self, error: Exception, pause: float) -> None:
        if self._token.signal_number is not None:
            raise Stopped from error
        if not self._is_away:
            self._is_away = True
            self._report(
                f"The database does not answer ({_describe_error(error)}): closed minutes are kept in the spool."
            )
        connection.close()
        self._token.arrived.wait(pause)


def _refuse_wrong_database(error: Exception) -> None:
    """Raise `IngestError` for what waiting does not mend: a table or a right that is lacking."""
    cause = error.__cause__ if isinstance(error, DatabaseFailure) else error
    if isinstance(cause, ProgrammingError) and get_sqlstate(cause).startswith(_NOT_USABLE):
        raise IngestError(
            f"The database refuses what stream_live does ({first_line(cause)}): check the rights of its role, and that "
            "migrate has run. What arrived is kept in the spool."
        ) from error


def _describe_error(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error, DatabaseFailure) else error
    return first_line(cause) if isinstance(cause, Error) else str(error)
