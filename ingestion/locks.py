"""PostgreSQL advisory locks: who works on which series, and which runs live.

Each lock is a pair (namespace, number), so that nothing else in the database can meet it by chance.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from django.db.backends.utils import CursorWrapper

_SERIES = 0x4241_5201
_RUNS = 0x4241_5202

# Each lock takes a slot of a table that the whole server shares, so a file of 5,000 symbols must not take 5,000.
_SERIES_LOCKS = 64


def lock_series(cursor: CursorWrapper, symbols: Iterable[str]) -> None:
    """Wait until nobody else writes these series; hold them until the transaction ends.

    Taken in sorted order, so that two files that share series cannot wait for each other.
    """
    numbers = sorted({zlib.crc32(symbol.encode()) % _SERIES_LOCKS for symbol in symbols})
    for number in numbers:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_SERIES, number])


def hold_run(cursor: CursorWrapper, run_id: int) -> None:
    """Say that the run lives, for as long as this connection does, whatever becomes of the process."""
    cursor.execute("SELECT pg_advisory_lock(%s, %s)", [_RUNS, _run_number(run_id)])


def release_run(cursor: CursorWrapper, run_id: int) -> None:
    cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_RUNS, _run_number(run_id)])


def try_claim_run(cursor: CursorWrapper, run_id: int) -> bool:
    """Whether nobody holds the run; if so, it is this transaction's until it ends."""
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_RUNS, _run_number(run_id)])
    return cursor.fetchone()[0]


def _run_number(run_id: int) -> int:
    return run_id % 2**31  # the second half of the key is an int4
