"""PostgreSQL advisory locks: who writes which series.

Each lock is a pair (namespace, number), so that nothing else in the database can meet it by chance.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from django.db.backends.utils import CursorWrapper

_SERIES = 0x4241_5201

# Each lock takes a slot of a table that the whole server shares, so a file of 5,000 symbols must not take 5,000.
_SERIES_LOCKS = 64


def lock_series(cursor: CursorWrapper, symbols: Iterable[str]) -> None:
    """Wait until nobody else writes these series; hold them until the transaction ends.

    Taken in sorted order, so that two files that share series cannot wait for each other.
    """
    numbers = sorted({zlib.crc32(symbol.encode()) % _SERIES_LOCKS for symbol in symbols})
    for number in numbers:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_SERIES, number])
