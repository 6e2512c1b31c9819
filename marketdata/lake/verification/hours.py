"""Hours of the lake's bars and of the hourly rollup, as tables that can be compared."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.db.backends.utils import CursorWrapper

from marketdata.lake.columns import PRICES, make_price_type
from marketdata.partitions.years import year_bounds

if TYPE_CHECKING:
    import numpy as np
    import pyarrow
    from pyarrow.parquet import ParquetFile

HOUR_MS = 3_600_000
HOUR_COLUMNS = ("symbol", "hour", *PRICES, "volume", "minutes")
_COPY = """
COPY (
    SELECT symbol, (date_part('epoch', hour) / 3600)::bigint, open, high, low, close, volume, minutes
    FROM market_bars_ohlcv_1h
    WHERE symbol = ANY (%(symbols)s::varchar[] COLLATE "C") AND hour >= %(start)s AND hour < %(end)s
    ORDER BY symbol, hour
) TO STDOUT (FORMAT CSV)
"""


def _make_schema() -> pyarrow.Schema:
    import pyarrow

    types = dict.fromkeys(PRICES, make_price_type(as_text=False)) | {
        "symbol": pyarrow.string(),
        "hour": pyarrow.int64(),
        "volume": pyarrow.decimal128(38, 0),
        "minutes": pyarrow.int64(),
    }
    return pyarrow.schema([(name, types[name]) for name in HOUR_COLUMNS])


def read_stored_hours(cursor: CursorWrapper, symbols: list[str], year: int) -> pyarrow.Table:
    """The rollup of these symbols and this year, by `HOUR_COLUMNS`. `hour` counts hours since 1970."""
    import pyarrow
    from pyarrow import csv

    start, end = year_bounds(year)
    out = io.BytesIO()
    with cursor.db.wrap_database_errors:
        cursor.copy_expert(cursor.mogrify(_COPY, {"symbols": symbols, "start": start, "end": end}).decode(), out)
    schema = _make_schema()
    if not out.getbuffer().nbytes:
        return schema.empty_table()
    return csv.read_csv(
        pyarrow.BufferReader(out.getvalue()),
        read_options=csv.ReadOptions(column_names=HOUR_COLUMNS, use_threads=False),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types={field.name: field.type for field in schema}, strings_can_be_null=False
        ),
    )


def compute_hours(file: ParquetFile) -> pyarrow.Table:
    """The hours of the file's bars in the order of its rows. Bars out of order give an hour twice."""
    import pyarrow

    found = [_aggregate(table) for table in _read_whole_hours(file)]
    return pyarrow.concat_tables(found) if found else _make_schema().empty_table()


def _read_whole_hours(file: ParquetFile) -> Iterator[pyarrow.Table]:
    """The bars of each row group, with those of an hour that began in the group before."""
    import pyarrow

    rest = None
    for number in range(file.num_row_groups):
        table = file.read_row_group(number, columns=["symbol", "ts_ms", *PRICES, "volume"])
        table = table if rest is None else pyarrow.concat_tables([rest, table])
        last = int(_find_starts(table)[-1]) if len(table) else 0
        if last:
            yield table.slice(0, last)
        rest = table.slice(last)
    if rest is not None and len(rest):
        yield rest


def _find_starts(table: pyarrow.Table) -> np.ndarray:
    """The numbers of the rows at which another hour or symbol begins."""
    import numpy as np

    hours = table["ts_ms"].to_numpy() // HOUR_MS
    symbols = table["symbol"].combine_chunks().dictionary_encode().indices.to_numpy()
    begins = np.ones(len(table), bool)
    begins[1:] = (hours[1:] != hours[:-1]) | (symbols[1:] != symbols[:-1])
    starts: np.ndarray = np.flatnonzero(begins)
    return starts


def _aggregate(table: pyarrow.Table) -> pyarrow.Table:
    import numpy as np
    import pyarrow

    starts = _find_starts(table)
    ends = np.append(starts[1:], len(table))
    ts_ms = table["ts_ms"].to_numpy()
    run = np.repeat(np.arange(len(starts)), ends - starts)
    sums = (
        table.append_column("run", pyarrow.array(run))
        .group_by("run", use_threads=False)
        .aggregate([("high", "max"), ("low", "min"), ("volume", "sum")])
    )
    minutes = np.add.reduceat(np.int64(1) << (ts_ms // 60_000 % 60), starts)
    first, last = table.take(pyarrow.array(starts)), table.take(pyarrow.array(ends - 1))
    columns = [
        first["symbol"], pyarrow.array(ts_ms[starts] // HOUR_MS), first["open"], sums["high_max"], sums["low_min"],
        last["close"], sums["volume_sum"], pyarrow.array(minutes),
    ]  # fmt: skip
    return pyarrow.table(columns, HOUR_COLUMNS).cast(_make_schema())
