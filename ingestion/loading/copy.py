"""COPY BINARY into a table. New bars go directly into the bars' table, with its key, checks and triggers."""

from __future__ import annotations

import io
import sys

from django.db import IntegrityError, connection
from django.db.backends.utils import CursorWrapper
from psycopg2.errorcodes import UNIQUE_VIOLATION

from ingestion.errors import DatabaseFailure
from ingestion.loading.copy_format import BAR_COLUMNS, STAGED_COLUMNS, CopyRows

_COPY_BARS = f"COPY {{table}} ({', '.join(BAR_COLUMNS)}) FROM STDIN (FORMAT BINARY)"
_COPY_STAGED = f"COPY staged_bars ({', '.join(STAGED_COLUMNS)}) FROM STDIN (FORMAT BINARY)"
_COPY_BUFFER = 1 << 20


def copy_new_bars(cursor: CursorWrapper, rows: CopyRows, table: str) -> None:
    """Store rows of `BAR_COLUMNS`, none of which the table of bars has. `table`: that table, or the partition that all
    rows belong to.

    Raises `DatabaseFailure` where the table has one of them after all: a program that ignores the series' locks.
    """
    try:
        _run_copy(cursor, _COPY_BARS.format(table=table), rows)
    except IntegrityError as error:
        if getattr(error.__cause__, "pgcode", None) != UNIQUE_VIOLATION:
            raise
        raise DatabaseFailure(
            "Another program, which does not wait for this one's locks, stored bars of these series while the file was "
            "read, so nothing of it was stored: run the command again."
        ) from error


def copy_staged_bars(cursor: CursorWrapper, rows: CopyRows) -> None:
    """Add rows of `STAGED_COLUMNS` to the staging table."""
    _run_copy(cursor, _COPY_STAGED, rows)


def _run_copy(cursor: CursorWrapper, sql: str, rows: CopyRows) -> None:
    if not rows.count:
        return
    # Where the server ends the session during COPY, psycopg2 prints one error through this hook, and raises another.
    hook, sys.excepthook = sys.excepthook, lambda *error: None
    try:
        with connection.wrap_database_errors:  # Django does not wrap what copy_expert raises
            cursor.copy_expert(sql, io.BytesIO(rows.content), _COPY_BUFFER)
    finally:
        sys.excepthook = hook
    if cursor.rowcount != rows.count:  # a trigger that returns NULL drops rows without an error
        raise DatabaseFailure(
            f"The database stored {cursor.rowcount:,} of {rows.count:,} rows without an error, so nothing was stored: "
            "look for a trigger on market_bars_ohlcv_1m that drops rows."
        )
