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
from ingestion.symbology.conflicts import Conflict
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

_SHARED_MINUTE = """
SELECT staged.ts
FROM staged_bars AS staged
JOIN staged_series AS series ON series.series = staged.series
JOIN market_bars_ohlcv_1m AS bars ON bars.symbol = series.symbol AND bars.ts = staged.ts
WHERE series.symbol = %(symbol)s AND bars.symbol = %(symbol)s
    AND bars.ts >= %(start)s::timestamp AT TIME ZONE 'UTC' AND bars.ts < %(end)s::timestamp AT TIME ZONE 'UTC'
LIMIT 1
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


def find_shared_minute(cursor: CursorWrapper, joins: list[Conflict]) -> tuple[Conflict, datetime] | None:
    """A staged minute of which the table has a bar of another instrument of the same contract, on the dates of
    `joins`."""
    for join in joins:
        cursor.execute(_SHARED_MINUTE, {"symbol": join.symbol, "start": join.start, "end": join.end})
        if row := cursor.fetchone():
            return join, row[0]
    return None


def _to_datetime(nanoseconds: int | None) -> datetime | None:
    # Bars start on full minutes, so the fraction of a second can be dropped.
    return None if nanoseconds is None else datetime.fromtimestamp(nanoseconds // 10**9, UTC)


def _to_nanoseconds(seconds: int) -> int:
    # PostgreSQL's timestamps reach further than uint64 nanoseconds, and than Python's datetime.
    return min(max(seconds * 10**9, 0), 2**64 - 1)
