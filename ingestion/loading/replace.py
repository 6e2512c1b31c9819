"""Replaces an instrument on the dates of a file: removes its bars that the file does not have, and ends its
intervals."""

from __future__ import annotations

from django.db.backends.utils import CursorWrapper
from psycopg2.sql import Identifier

from ingestion.loading.revisions import keep_values
from ingestion.symbology.conflicts import Conflict
from ingestion.symbology.intervals import copy_interval
from marketdata.models import SeriesInstrument

_FIND_REPLACED = """
CREATE TEMPORARY TABLE replaced_bars ON COMMIT DROP AS
SELECT DISTINCT bars.symbol, bars.ts
FROM unnest(%(symbols)s::varchar[], %(starts)s::date[], %(ends)s::date[]) AS dates (symbol, first, end_date)
JOIN market_bars_ohlcv_1m AS bars
    ON bars.symbol = dates.symbol
    AND bars.ts >= dates.first::timestamp AT TIME ZONE 'UTC'
    AND bars.ts < dates.end_date::timestamp AT TIME ZONE 'UTC'
WHERE NOT EXISTS (
    SELECT 1 FROM staged_bars AS staged
    JOIN staged_series AS series ON series.series = staged.series
    WHERE series.symbol = bars.symbol AND staged.ts = bars.ts
)
"""
_KEEP_REPLACED = keep_values(affected=Identifier("replaced_bars"), operation="'delete'")
_REMOVE = """
DELETE FROM market_bars_ohlcv_1m AS bars
USING replaced_bars AS replaced
WHERE bars.symbol = replaced.symbol AND bars.ts = replaced.ts
"""


def find_replaced_bars(cursor: CursorWrapper, conflicts: list[Conflict]) -> int:
    """Collect the replaced instruments' bars that the file does not have, and return how many they are.

    Left in the table, they would be one contract's bars among another's.
    """
    if not conflicts:
        return 0
    cursor.execute(
        _FIND_REPLACED,
        {
            "symbols": [conflict.symbol for conflict in conflicts],
            "starts": [conflict.start for conflict in conflicts],
            "ends": [conflict.end for conflict in conflicts],
        },
    )
    found: int = cursor.rowcount
    return found


def remove_replaced_bars(cursor: CursorWrapper, conflicts: list[Conflict], run_id: int) -> None:
    """Remove the bars that `find_replaced_bars` collected, and end the replaced instruments' intervals.

    The bars' values stay in market_bar_revisions, and the dates lost stay as rows replaced by this run: an undo
    restores both.
    """
    if not conflicts:
        return
    cursor.execute(_KEEP_REPLACED, {"run_id": run_id})
    cursor.execute(_REMOVE)
    for conflict in conflicts:
        _end_stored_intervals(conflict, run_id)


def _end_stored_intervals(conflict: Conflict, run_id: int) -> None:
    rows = SeriesInstrument.current.filter(
        series__symbol=conflict.symbol,
        dataset=conflict.stored.dataset,
        publisher_id=conflict.stored.publisher_id,
        instrument_id=conflict.stored.instrument_id,
        start_date__lt=conflict.end,
        end_date__gt=conflict.start,
    )
    for row in rows:
        lost = max(row.start_date, conflict.start), min(row.end_date, conflict.end)
        around = ((row.start_date, lost[0]), (lost[1], row.end_date))
        kept = [copy_interval(row, start, end) for start, end in around if start < end]
        row.start_date, row.end_date = lost
        row.replaced_by_id = run_id
        row.save()
        SeriesInstrument.objects.bulk_create(kept)
