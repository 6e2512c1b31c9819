"""Bars that Arrow tables of the lake have, in the forms in which the table of bars returns them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from marketdata.formatting import format_price
from marketdata.lake.columns import PRICES, make_price_type

if TYPE_CHECKING:
    import pyarrow

ROW_COLUMNS = ("ts", *PRICES, "volume", "ingestion_run_id")
EXPORT_COLUMNS = ("symbol", "ts", *PRICES, "volume", "run_id")


class BarRow(NamedTuple):
    """A bar as the API sends it: `ts` is UTC, and prices are exact decimal text without trailing zeros.

    PostgreSQL formats the prices, which is faster than Python.
    """

    ts: datetime
    open: str
    high: str
    low: str
    close: str
    volume: Decimal
    run_id: int


def to_bar_rows(table: pyarrow.Table) -> list[BarRow]:
    """The rows of a table with `ROW_COLUMNS`."""
    columns: list[list] = [[ts.astimezone(UTC) for ts in table["ts"].to_pylist()]]
    columns += [list(map(format_price, table[name].to_pylist())) for name in PRICES]
    columns += [table["volume"].to_pylist(), table["ingestion_run_id"].to_pylist()]
    return list(map(BarRow._make, zip(*columns, strict=True)))


def to_export(table: pyarrow.Table, *, prices_as_text: bool) -> pyarrow.Table:
    """A table with `symbol` and `ROW_COLUMNS` as one of `EXPORT_COLUMNS`."""
    import pyarrow

    prices = [_format_prices(table[name]) if prices_as_text else table[name] for name in PRICES]
    volume = table["volume"].cast(pyarrow.uint64())
    return pyarrow.table([table["symbol"], table["ts"], *prices, volume, table["ingestion_run_id"]], EXPORT_COLUMNS)


def _format_prices(column: pyarrow.ChunkedArray) -> pyarrow.Array:
    """Exact text without trailing zeros, as PostgreSQL's. A range has few different prices: each is formatted once."""
    import pyarrow

    encoded = column.combine_chunks().dictionary_encode()
    texts = [format_price(price) for price in encoded.dictionary.to_pylist()]
    return pyarrow.array(texts, make_price_type(as_text=True)).take(encoded.indices)


def select_regular(table: pyarrow.Table, edges: str | None) -> pyarrow.Table:
    """The rows in regular hours, by the edges of `list_regular_edges`; all rows without edges."""
    if edges is None:
        return table
    import numpy as np
    import pyarrow

    bounds = np.fromiter((int(edge) for edge in edges.strip("{}").split(",") if edge), np.int64)
    seconds = table["ts"].cast(pyarrow.timestamp("s", tz="UTC")).cast(pyarrow.int64()).to_numpy()
    return table.filter(pyarrow.array(np.searchsorted(bounds, seconds, side="right") % 2 == 1))
