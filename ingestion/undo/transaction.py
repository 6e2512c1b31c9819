"""The transaction of an undo: its changes and the end of its run are committed together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from ingestion.database import prepare_transaction, translate_database_errors
from ingestion.progress import Progress
from ingestion.runs import close_on_failure
from marketdata.models import IngestRun

IN_DOUBT = (
    "The connection to the database was lost while the undo was committed, so it is not known whether the run was "
    "undone: run the command again when the server is back; it reports if the run was already undone."
)
IN_ERRORS = {"what": "changes", "outcome": "nothing was changed"}


@contextlib.contextmanager
def undo_transaction(run: IngestRun, progress: Progress) -> Iterator[CursorWrapper]:
    """A failure closes the run as failed, after the rollback."""
    with (
        close_on_failure(run, in_doubt=IN_DOUBT),
        translate_database_errors(progress, **IN_ERRORS),
        transaction.atomic(durable=True),
        connection.cursor() as cursor,
    ):
        prepare_transaction(cursor)
        yield cursor
