"""The columns of the table of bars as Arrow types, and PostgreSQL's text of them as Arrow tables."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

from marketdata.lake.errors import LakeError

if TYPE_CHECKING:
    import pyarrow

TABLE = "market_bars_ohlcv_1m"
PRICES = ("open", "high", "low", "close")
_VENDOR, _SCHEMA = "databento", "ohlcv-1m"
COLUMNS = (
    "vendor", "schema", "symbol", "ts", "ts_ms", *PRICES, "volume", "ingestion_run_id", "created_at",
)  # fmt: skip
# Nearly all bars have the same vendor and schema, and those of a load the same `created_at`: these are sent only where
# they differ. Writing and parsing them would take a sixth of an export's time.
_READ = ("ts_ms", *PRICES, "volume", "ingestion_run_id", "created_at", "vendor", "schema", "symbol")
SELECT = f"""
SELECT ts_ms, open, high, low, close, volume, ingestion_run_id, NULLIF(created_at, %(created_at)s),
    NULLIF(vendor, '{_VENDOR}'), NULLIF(schema, '{_SCHEMA}')
"""


def make_price_type(*, as_text: bool = False) -> pyarrow.DataType:
    """decimal128(20, 9), which has every int64 count of 1e-9, or text for CSV: Arrow would write zero as 0E-9."""
    import pyarrow

    return pyarrow.string() if as_text else pyarrow.decimal128(20, 9)


@functools.cache
def make_schema() -> pyarrow.Schema:
    """Names and order are those of the table. Prices are decimal128(20, 9), times UTC in microseconds."""
    import pyarrow

    time, text = pyarrow.timestamp("us", tz="UTC"), pyarrow.string()
    types = {
        "vendor": text, "schema": text, "symbol": text, "ts": time, "ts_ms": pyarrow.int64(),
        **dict.fromkeys(PRICES, make_price_type()),
        "volume": pyarrow.decimal128(20, 0), "ingestion_run_id": pyarrow.int64(), "created_at": time,
    }  # fmt: skip
    return pyarrow.schema([pyarrow.field(name, types[name], nullable=False) for name in COLUMNS])


class Block(NamedTuple):
    """CSV lines of `SELECT`: of one symbol, or with their symbols at the ends if it is None. `created_at`: what it has
    been given, as PostgreSQL's text."""

    lines: bytes
    symbol: str | None
    created_at: str


def parse_bars(block: Block) -> pyarrow.Table:
    """The table of a block. Raises `LakeError` for a value that Parquet cannot store, such as an infinite time."""
    import pyarrow

    try:
        return _parse(block)
    except pyarrow.ArrowInvalid as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise LakeError(
            f"The bars of {block.symbol or 'several symbols'} have a value that Parquet cannot store ({reason}): "
            "correct it in market_bars_ohlcv_1m."
        ) from error


def _parse(block: Block) -> pyarrow.Table:
    import pyarrow
    from pyarrow import compute, csv

    lines, symbol, created_at = block
    schema = make_schema()
    names = _READ if symbol is None else _READ[:-1]
    read = csv.read_csv(
        pyarrow.BufferReader(lines),
        read_options=csv.ReadOptions(column_names=names, use_threads=False, block_size=max(len(lines), 1)),
        parse_options=csv.ParseOptions(newlines_in_values=symbol is None),
        convert_options=csv.ConvertOptions(
            column_types={name: schema.field(name).type for name in names},
            # Only an empty text without quotes is NULL: a symbol may be "NA" or "null".
            null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False,
        ),
    )  # fmt: skip
    columns = {name: read[name] for name in names}
    columns["ts"] = read["ts_ms"].cast(pyarrow.timestamp("ms", tz="UTC")).cast(schema.field("ts").type)
    usual = pyarrow.scalar(created_at).cast(schema.field("created_at").type)
    columns["created_at"] = compute.fill_null(read["created_at"], usual)
    columns["vendor"] = compute.fill_null(read["vendor"], _VENDOR)
    columns["schema"] = compute.fill_null(read["schema"], _SCHEMA)
    if symbol is not None:
        columns["symbol"] = pyarrow.repeat(pyarrow.scalar(symbol), len(read))
    return pyarrow.table([columns[name] for name in COLUMNS], schema=schema)
