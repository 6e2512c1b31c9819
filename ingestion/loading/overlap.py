"""Step 5: which way each row goes. What the table holds of a series lies in a window of time, from its first bar in the
file's range to its last. A row outside the window can meet no bar and goes straight into the table; one inside might,
and goes by way of staging, which costs PostgreSQL about twice as long.

The windows are asked under the series' locks, so that nobody else can widen them before this transaction ends, and in
the metadata's range, which holds because `validate` refuses every row outside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from django.db.backends.utils import CursorWrapper

from ingestion.dbn.metadata import DbnMetadata
from ingestion.symbology.resolve import ResolvedBars

_FIRST_AND_LAST = """
SELECT asked.symbol, extract(epoch FROM stored.first)::bigint, extract(epoch FROM stored.last)::bigint
FROM unnest(%(symbols)s::varchar[]) AS asked (symbol)
CROSS JOIN LATERAL (
    SELECT min(bars.ts) AS first, max(bars.ts) AS last
    FROM market_bars_ohlcv_1m AS bars
    WHERE bars.symbol = asked.symbol
        AND bars.ts BETWEEN coalesce(%(start)s::timestamptz, '-infinity') AND coalesce(%(end)s::timestamptz, 'infinity')
) AS stored
WHERE stored.first IS NOT NULL
"""

Window = tuple[int, int]  # nanoseconds since 1970 UTC, both included
_NOWHERE: Window = (2**64 - 1, 0)
_EVERYWHERE: Window = (0, 2**64 - 1)


@dataclass(frozen=True)
class StoredRanges:
    """What the table holds: a window for each symbol in `known`, and for the others `unknown`, by default none."""

    known: dict[str, Window] = field(default_factory=dict)
    unknown: Window = _NOWHERE

    def meet(self, bars: ResolvedBars, symbols: list[str]) -> np.ndarray:
        """A mask, shape (n,): which of the bars, of the series `symbols[code]`, might be in the table already."""
        windows = np.array([self.known.get(symbol, self.unknown) for symbol in symbols], dtype=np.uint64)
        times = bars.batch.records["ts_event"]
        return (times >= windows[bars.codes, 0]) & (times <= windows[bars.codes, 1])


# Every row may be there already: what has to be compared before anybody may write it.
ANY_TIME = StoredRanges(unknown=_EVERYWHERE)


def find_stored_ranges(cursor: CursorWrapper, metadata: DbnMetadata, symbols: list[str]) -> StoredRanges:
    """The windows of these series, all that the file may have. The series' locks must be held."""
    cursor.execute(_FIRST_AND_LAST, {"symbols": symbols, "start": _utc(metadata.start), "end": _utc(metadata.end)})
    return StoredRanges({symbol: (_nanoseconds(first), _nanoseconds(last)) for symbol, first, last in cursor})


def _utc(nanoseconds: int | None) -> datetime | None:
    # Bars lie on whole minutes, so seconds are fine enough.
    return None if nanoseconds is None else datetime.fromtimestamp(nanoseconds // 10**9, UTC)


def _nanoseconds(seconds: int) -> int:
    # PostgreSQL has times that no file can have, and no datetime either.
    return min(max(seconds * 10**9, 0), 2**64 - 1)
