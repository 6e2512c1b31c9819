"""PostgreSQL advisory locks on series: one program at a time writes a series.

Each lock is a pair (namespace, number), so that no other program's advisory lock has the same key by chance.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from django.db.backends.utils import CursorWrapper

from marketdata.advisory_locks import SERIES_CLASS
from marketdata.contracts.symbols import shorten_years

# Each lock uses a slot of a table that the server's sessions share, so a file of 5,000 symbols must not use 5,000.
SERIES_LOCKS = 64


def lock_series(cursor: CursorWrapper, symbols: Iterable[str]) -> None:
    """Wait until no other program writes these series; the locks last until the transaction ends.

    Locks are acquired in sorted order, so that two files with common series cannot deadlock. All contracts of one code
    share a lock: the contract of a raw symbol is known only when its rows are read.
    """
    numbers = sorted({zlib.crc32(shorten_years(symbol).encode()) % SERIES_LOCKS for symbol in symbols})
    for number in numbers:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [SERIES_CLASS, number])
