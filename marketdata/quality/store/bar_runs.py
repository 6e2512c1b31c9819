"""Which runs stored the bars of a range, and of the minutes around it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection

from marketdata.models.bar import EARLIEST, LATEST
from marketdata.rollup.neighbours import find_first_minute, find_last_minute
from marketdata.sources.split import Sources, read_settled

Range = tuple[datetime, datetime]  # half-open, UTC

_MINUTE = timedelta(minutes=1)
# The newest run of the bars in the range; if it has none, that of the next bar, which shows that minutes are missing,
# or of the last one.
_BRINGERS = """
SELECT coalesce(
    (SELECT max(ingestion_run_id) FROM market_bars_ohlcv_1m AS bars
        WHERE bars.symbol = %(symbol)s AND bars.ts >= found.start AND bars.ts < found.stop),
    (SELECT ingestion_run_id FROM market_bars_ohlcv_1m AS bars
        WHERE bars.symbol = %(symbol)s AND bars.ts >= found.stop ORDER BY bars.ts LIMIT 1),
    (SELECT ingestion_run_id FROM market_bars_ohlcv_1m AS bars
        WHERE bars.symbol = %(symbol)s AND bars.ts < found.start ORDER BY bars.ts DESC LIMIT 1)
)
FROM unnest(%(starts)s::timestamptz[], %(stops)s::timestamptz[]) WITH ORDINALITY AS found (start, stop, ordinal)
ORDER BY found.ordinal
"""
_RUNS = """
SELECT DISTINCT ingestion_run_id FROM market_bars_ohlcv_1m
WHERE symbol = %(symbol)s AND ts >= %(start)s AND ts < %(stop)s
"""


def find_bringers(symbol: str, ranges: Sequence[Range]) -> list[int | None]:
    """The newest run of the bars in each range; if it has none, that of the next bar, or of the last one before.

    Raises `ArchivedBarsUnreadable`.
    """
    return read_settled(partial(_find_bringers, symbol, ranges))


def _find_bringers(symbol: str, ranges: Sequence[Range], sources: Sources) -> list[int | None]:
    values: dict[str, Any] = {"symbol": symbol}
    values |= {"starts": [start for start, _ in ranges], "stops": [stop for _, stop in ranges]}
    with connection.cursor() as cursor:
        cursor.execute(_BRINGERS, values)
        found: list[int | None] = [run for (run,) in cursor.fetchall()]
    if not sources.find_archived(None, None):
        return found
    return [_find_bringer(symbol, one, run, sources) for one, run in zip(ranges, found, strict=True)]


def _find_bringer(symbol: str, one: Range, stored: int | None, sources: Sources) -> int | None:
    """The run of a range, of which the table has the one `stored`, unless the bars that decide it are archived."""
    minutes = _find_minutes(symbol, one)
    if minutes is None or not sources.find_archived(*minutes):
        return stored
    return max(_list_runs(symbol, *minutes, sources), default=None)


def _find_minutes(symbol: str, one: Range) -> Range | None:
    """The bars in the range, or else the next one, or else the last one before."""
    start, stop = one
    if find_first_minute(symbol, start, stop) is not None:
        return one
    minute = find_first_minute(symbol, stop, LATEST) or find_last_minute(symbol, EARLIEST, start)
    return (minute, minute + _MINUTE) if minute else None


def list_runs(symbol: str, start: datetime, stop: datetime) -> list[int]:
    """The runs that stored the bars of [start, stop), UTC. Raises `ArchivedBarsUnreadable`."""
    return sorted(read_settled(partial(_list_runs, symbol, start, stop)))


def _list_runs(symbol: str, start: datetime, stop: datetime, sources: Sources) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(_RUNS, {"symbol": symbol, "start": start, "stop": stop})
        found = {run for (run,) in cursor.fetchall()}
    for piece in sources.find_archived(start, stop):
        for table in piece.iterate_tables(symbol, ("ingestion_run_id",)):
            found |= set(table["ingestion_run_id"].unique().to_pylist())
    return found
