"""The parts of candles whose minute bars are archived: they are read from the lake, and PostgreSQL aggregates them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from psycopg2 import sql

from marketdata.candles.parts import Parts, write_array
from marketdata.lake.columns import PRICES
from marketdata.sources.rows import write_array as write_column
from marketdata.sources.split import Piece, Sources
from marketdata.timestamps import from_seconds

if TYPE_CHECKING:
    import pyarrow

_COLUMNS = ("ts_ms", *PRICES, "volume")
_MINUTE_SECONDS = 60
# The columns are those of the parts that are read from the table.
_PARTS = sql.SQL("""
SELECT period, first, (array_agg(open ORDER BY ts_ms))[1] AS open, max(high) AS high, min(low) AS low,
    (array_agg(close ORDER BY ts_ms DESC))[1] AS close, sum(volume) AS volume, count(*) AS bar_count
FROM unnest(
    {period}::int[], {first}::bigint[], {ts_ms}::bigint[], {open}::numeric[], {high}::numeric[], {low}::numeric[],
    {close}::numeric[], {volume}::numeric[]
) AS archived (period, first, ts_ms, open, high, low, close, volume)
GROUP BY period, first
""")


def split_archived(parts: Parts, sources: Sources) -> tuple[Parts, list[tuple[Piece, Parts]]]:
    """The parts that are in the table, and those of each archived year. A part of both is cut."""
    archived = sources.find_archived(from_seconds(int(parts.starts[0])), from_seconds(int(parts.ends[-1])))
    for piece in archived:
        for moment in (piece.start, piece.end):
            parts = parts.cut(int(moment.timestamp()))
    is_stored, found = np.ones(len(parts), bool), []
    for piece in archived:
        within = (parts.starts >= piece.start.timestamp()) & (parts.ends <= piece.end.timestamp())
        is_stored &= ~within
        if within.any():
            found.append((piece, parts.select(within)))
    return parts.select(is_stored), found


def select_archived(symbol: str, piece: Piece, parts: Parts) -> sql.Composed:
    """The aggregated bars of an archived year in each part. Raises `ArchivedBarsUnreadable`."""
    import pyarrow

    found = list(_find_bars(symbol, piece, parts))
    indexes = np.concatenate([index for index, _ in found] or [np.empty(0, np.int64)])
    tables = [bars for _, bars in found]
    bars = pyarrow.concat_tables(tables) if tables else None
    columns = {name: write_column(bars[name]) if bars else "{}" for name in _COLUMNS}
    literals = {name: sql.Literal(text) for name, text in columns.items()}
    return _PARTS.format(
        period=write_array(parts.periods[indexes]), first=write_array(parts.starts[indexes]), **literals
    )


def _find_bars(symbol: str, piece: Piece, parts: Parts) -> Iterator[tuple[np.ndarray, pyarrow.Table]]:
    """The bars in the parts, and the index of the part of each."""
    import pyarrow

    start, end = from_seconds(int(parts.starts[0])), from_seconds(int(parts.ends[-1]))
    for table in Piece(start, end, piece.archived).iterate_tables(symbol, _COLUMNS):
        seconds = table["ts_ms"].to_numpy() // 1000
        index = np.searchsorted(parts.starts, seconds, side="right") - 1
        within = seconds < parts.ends[index]
        if within.any():
            yield index[within], table.filter(pyarrow.array(within))
