"""Step 6 for rows that can meet no stored bar: by COPY BINARY straight into the table, with its key, checks and
triggers, in the transaction that also closes the run."""

from __future__ import annotations

from django.db import IntegrityError
from django.db.backends.utils import CursorWrapper
from psycopg2.errorcodes import UNIQUE_VIOLATION

from ingestion.errors import DatabaseTrouble
from ingestion.loading.copy_format import TABLE_COLUMNS, CopyRows
from ingestion.loading.staging import copy_in

_COPY = f"COPY market_bars_ohlcv_1m ({', '.join(TABLE_COLUMNS)}) FROM STDIN (FORMAT BINARY)"


def store(cursor: CursorWrapper, rows: CopyRows) -> None:
    """Put some rows of `TABLE_COLUMNS` into the table."""
    try:
        copy_in(cursor, _COPY, rows)
    except IntegrityError as error:
        if error.__cause__.pgcode != UNIQUE_VIOLATION:
            raise
        raise DatabaseTrouble(
            "Another program, which does not wait for this one's locks, stored bars of these series while the file was "
            "read, so nothing of it was stored: run the command again."
        ) from error
