"""DBN streams of the invented market."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from types import SimpleNamespace

import databento_dbn as dbn
import zstandard

from .contracts import Interval, get_raw_symbol
from .market import DATASET, Market
from .queries import Query


def encode_stream(market: Market, query: Query, *, as_of: int, frame_records: int, compression: str) -> list[bytes]:
    """The metadata, then one part per `frame_records` records. With `zstd` each part is a frame of its own."""
    rows = query.read_rows(market, as_of)
    frames = [rows[at : at + frame_records].tobytes() for at in range(0, len(rows), frame_records)]
    parts = [encode_history_metadata(market, query), *frames]
    if compression != "zstd":
        return parts
    return [zstandard.ZstdCompressor(write_checksum=True).compress(part) for part in parts]


def encode_history_metadata(market: Market, query: Query) -> bytes:
    first, last = query.first_day, query.last_day
    intervals = {symbol: market.resolve(symbol, query.stype_in, first, last) for symbol in query.symbols}
    found = {symbol: rows for symbol, rows in intervals.items() if rows}
    days = (last - first).days
    metadata = dbn.Metadata(
        dataset=DATASET,
        start=query.start,
        end=query.end,
        stype_in=dbn.SType.from_str(query.stype_in),
        stype_out=dbn.SType.from_str("instrument_id"),
        schema=dbn.Schema.from_str(query.schema),
        symbols=list(query.symbols),
        partial=[symbol for symbol, rows in found.items() if sum((end - start).days for start, end, _ in rows) < days],
        not_found=[symbol for symbol in query.symbols if symbol not in found],
        mappings=_list_mappings(found, query.stype_in),
        limit=query.limit,
    )
    return metadata.encode()


def _list_mappings(found: dict[str, list[Interval]], stype_in: str) -> Sequence[SimpleNamespace]:
    """A parent is mapped under the raw symbols that it brought."""
    if stype_in == "parent":
        rows = [interval for intervals in found.values() for interval in intervals]
        instruments = sorted({instrument for _, _, instrument in rows})
        found = {get_raw_symbol(number): [row for row in rows if row[2] == number] for number in instruments}
    return [SimpleNamespace(raw_symbol=symbol, intervals=list(map(_map, rows))) for symbol, rows in found.items()]


def _map(interval: Interval) -> SimpleNamespace:
    start, end, instrument = interval
    return SimpleNamespace(start_date=start, end_date=end, symbol=str(instrument))


def encode_live_metadata(start: int, dataset: str = DATASET) -> bytes:
    """A live session can carry several schemas: its metadata names none, no symbol and no end."""
    metadata = dbn.Metadata(
        dataset=dataset,
        start=start,
        stype_in=None,
        stype_out=dbn.SType.from_str("instrument_id"),
        schema=None,
        symbols=[],
        partial=[],
        not_found=[],
        mappings=[],
    )
    return metadata.encode()


def split_days(first: date, last: date, duration: str) -> list[tuple[date, date]]:
    """First and last day of each file of a batch job, by its split_duration. A week starts on Sunday."""
    found, day = [], first
    while day <= last:
        ends = {
            "day": day,
            "week": day + timedelta(days=(5 - day.weekday()) % 7),
            "month": (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1),
            "year": day.replace(month=12, day=31),
        }
        end = min(ends.get(duration, last), last)
        found.append((day, end))
        day = end + timedelta(days=1)
    return found
