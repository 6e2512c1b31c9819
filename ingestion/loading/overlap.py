"""Which rows may meet a stored bar. The table's bars of a series lie between their first and last within the file's
dates: a row outside that range is new and goes directly into the table; a row inside is staged and compared, which
costs PostgreSQL about twice as much.

The ranges are read under the series' locks, so that no other program widens them before this transaction ends. They
are read within the metadata's time range, which `check_records` holds every row to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from django.db.backends.utils import CursorWrapper

from ingestion.dbn.metadata import DbnMetadata
from ingestion.symbology.resolve import ResolvedBars

_FIRST_AND_LAST = """
SELECT requested.symbol, extract(epoch FROM stored.first)::bigint, extract(epoch FROM stored.last)::bigint
FROM unnest(%(symbols)s::varchar[]) AS requested (symbol)
CROSS JOIN LATERAL (
    SELECT min(bars.ts) AS first, max(bars.ts) AS last
    FROM market_bars_ohlcv_1m AS bars
    WHERE bars.symbol = requested.symbol
        AND bars.ts BETWEEN coalesce(%(start)s::timestamptz, '-infinity') AND coalesce(%(end)s::timestamptz, 'infinity')
) AS stored
WHERE stored.first IS NOT NULL
"""

TimeRange = tuple[int, int]  # nanoseconds since 1970 UTC, both included
_NO_TIME: TimeRange = (2**64 - 1, 0)
_ALL_TIME: TimeRange = (0, 2**64 - 1)


@dataclass(frozen=True)
class StoredRanges:
    """The time range of each symbol's stored bars, and one for all symbols not named, by default empty."""

    by_symbol: dict[str, TimeRange] = field(default_factory=dict)
    otherwise: TimeRange = _NO_TIME

    def may_include(self, bars: ResolvedBars, symbols: list[str]) -> np.ndarray:
        """A mask, shape (n,): which bars, of the series `symbols[code]`, the table may have already."""
        ranges = np.array([self.by_symbol.get(symbol, self.otherwise) for symbol in symbols], dtype=np.uint64)
        times = bars.batch.records["ts_event"]
        mask: np.ndarray = (times >= ranges[bars.codes, 0]) & (times <= ranges[bars.codes, 1])
        return mask


# Every row may be stored already, so all are compared.
ANY_TIME = StoredRanges(otherwise=_ALL_TIME)


def find_stored_ranges(cursor: CursorWrapper, metadata: DbnMetadata, symbols: list[str]) -> StoredRanges:
    """The stored ranges of these series, which must be all that the file may have. Needs the series' locks."""
    cursor.execute(
        _FIRST_AND_LAST, {"symbols": symbols, "start": _to_datetime(metadata.start), "end": _to_datetime(metadata.end)}
    )
    return StoredRanges({symbol: (_to_nanoseconds(first), _to_nanoseconds(last)) for symbol, first, last in cursor})


def _to_datetime(nanoseconds: int | None) -> datetime | None:
    # Bars start on full minutes, so the fraction of a second can be dropped.
    return None if nanoseconds is None else datetime.fromtimestamp(nanoseconds // 10**9, UTC)


def _to_nanoseconds(seconds: int) -> int:
    # PostgreSQL's timestamps reach further than uint64 nanoseconds, and than Python's datetime.
    return min(max(seconds * 10**9, 0), 2**64 - 1)
