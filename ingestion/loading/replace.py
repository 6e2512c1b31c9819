"""Replaces an instrument: removes its bars that the file does not have, and ends its intervals."""

from __future__ import annotations

from django.db.backends.utils import CursorWrapper

from ingestion.symbology.conflicts import Conflict
from ingestion.symbology.intervals import copy_interval
from marketdata.models import SeriesInstrument

_FIND_REPLACED = """
CREATE TEMPORARY TABLE staged_removals ON COMMIT DROP AS
SELECT DISTINCT bars.symbol, bars.ts
FROM unnest(%(symbols)s::varchar[], %(starts)s::date[], %(ends)s::date[]) AS days (symbol, first, behind_last)
JOIN market_bars_ohlcv_1m AS bars
    ON bars.symbol = days.symbol
    AND bars.ts >= days.first::timestamp AT TIME ZONE 'UTC'
    AND bars.ts < days.behind_last::timestamp AT TIME ZONE 'UTC'
WHERE NOT EXISTS (
    SELECT FROM staged_bars AS staged
    JOIN staged_series AS names ON names.series = staged.series
    WHERE names.symbol = bars.symbol AND staged.ts = bars.ts
)
"""
_KEEP_REPLACED = """
INSERT INTO market_bar_revisions
    (symbol, ts, open, high, low, close, volume, created_at, ingestion_run_id, revised_by_id, operation)
SELECT bars.symbol, bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume,
    bars.created_at, bars.ingestion_run_id, %(run_id)s, 'delete'
FROM staged_removals AS old
JOIN market_bars_ohlcv_1m AS bars ON bars.symbol = old.symbol AND bars.ts = old.ts
"""
_REMOVE = """
DELETE FROM market_bars_ohlcv_1m AS bars
USING staged_removals AS old
WHERE bars.symbol = old.symbol AND bars.ts = old.ts
"""


def find_replaced_bars(cursor: CursorWrapper, conflicts: list[Conflict]) -> int:
    """Put aside which minutes of the other instrument the file does not have. Returns how many.

    Left standing, they would be one contract's bars between another's.
    """
    cursor.execute(
        _FIND_REPLACED,
        {
            "symbols": [conflict.symbol for conflict in conflicts],
            "starts": [conflict.start for conflict in conflicts],
            "ends": [conflict.end for conflict in conflicts],
        },
    )
    return cursor.rowcount


def remove_replaced_bars(cursor: CursorWrapper, conflicts: list[Conflict], run_id: int) -> None:
    """Take the other instrument from the days in conflict: the minutes found are removed (their values stay in
    market_bar_revisions), and its dated rows end where the new ones begin. What they lose stays as a row that this run
    has replaced: an undo gives it back."""
    cursor.execute(_KEEP_REPLACED, {"run_id": run_id})
    cursor.execute(_REMOVE)
    for conflict in conflicts:
        _end_stored_intervals(conflict, run_id)


def _end_stored_intervals(conflict: Conflict, run_id: int) -> None:
    rows = SeriesInstrument.standing.filter(
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
