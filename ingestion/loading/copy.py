"""Step 6 for rows that can meet no stored bar: by COPY BINARY straight into the table, with its key, checks and
triggers, in the transaction that also closes the run."""

from __future__ import annotations

import io
import sys

from django.db import IntegrityError, connection
from django.db.backends.utils import CursorWrapper
from psycopg2.errorcodes import UNIQUE_VIOLATION

from ingestion.errors import DatabaseFailure
from ingestion.loading.copy_format import BAR_COLUMNS, CopyRows

_COPY = f"COPY market_bars_ohlcv_1m ({', '.join(BAR_COLUMNS)}) FROM STDIN (FORMAT BINARY)"


def copy_new_bars(cursor: CursorWrapper, rows: CopyRows) -> None:
    """Put some rows of `TABLE_COLUMNS` into the table."""
    try:
        run_copy(cursor, _COPY, rows)
    except IntegrityError as error:
        if error.__cause__.pgcode != UNIQUE_VIOLATION:
            raise
        raise DatabaseFailure(
            "Another program, which does not wait for this one's locks, stored bars of these series while the file was "
            "read, so nothing of it was stored: run the command again."
        ) from error


_COPY_BUFFER = 1 << 20


def run_copy(cursor: CursorWrapper, copy: str, rows: CopyRows) -> None:
    """Run a COPY FROM STDIN, with the errors that every other statement has."""
    if not rows.count:
        return
    # Where the server ends the session in the middle, psycopg2 prints one error through this hook, and raises another.
    hook, sys.excepthook = sys.excepthook, lambda *error: None
    try:
        with connection.wrap_database_errors:  # Django does not wrap what copy_expert raises
            cursor.copy_expert(copy, io.BytesIO(rows.content), _COPY_BUFFER)
    finally:
        sys.excepthook = hook
    if cursor.rowcount != rows.count:  # a trigger of somebody else's may drop rows without an error
        raise DatabaseFailure(
            f"The database took {cursor.rowcount:,} of {rows.count:,} rows without saying why, so nothing was stored: "
            "look for a trigger on market_bars_ohlcv_1m."
        )
