"""Whether the database can be used for taking files, and what its errors mean to a person."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.db import Error, InterfaceError, OperationalError

from ingestion.errors import DatabaseFailure, DatabaseUnavailable
from ingestion.progress import Progress
from marketdata import database
from marketdata.database import first_line


def require_database() -> None:
    """Raise `DatabaseUnavailable` unless the server answers, is new enough, and has all migrations."""
    try:
        database.require_database()
    except database.UnusableDatabase as error:
        raise DatabaseUnavailable(str(error)) from error


@contextlib.contextmanager
def translate_database_errors(
    progress: Progress, *, what: str = "bars", outcome: str = "nothing of this file was stored"
) -> Iterator[None]:
    """Raise what goes wrong with the database as an `IngestError`, which says `what` it was about and what has become
    of it. Goes around transactions, not into them."""
    try:
        yield
    except DatabaseUnavailable:
        progress.raise_if_cancelled()  # Ctrl-C may be why
        raise
    except Error as error:
        progress.raise_if_cancelled()  # a statement is also cancelled because somebody wants to stop
        raise DatabaseFailure(_describe(error, what, outcome)) from error


def _describe(error: Error, what: str, outcome: str) -> str:
    if _connection_was_lost(error):
        return (
            f"The connection to the database was lost ({first_line(error)}), so {outcome}: "
            "run the command again when the server is back."
        )
    return (
        f"The database refused the {what} ({first_line(error)}), so {outcome}: "
        "mend the cause and run the command again."
    )


def _connection_was_lost(error: Error) -> bool:
    """By the error, not by the connection, which Django may have replaced by now. Without an SQLSTATE it is the client
    that complains, in class 08 either side of the connection, in 57P the server, which is being stopped."""
    state = getattr(error.__cause__, "pgcode", None) or "08000"
    return isinstance(error, (InterfaceError, OperationalError)) and state.startswith(("08", "57P"))
