"""Exports, block by block."""

import csv
import io

import pyarrow
import pytest
from django.db import DataError
from django.utils import timezone
from psycopg2 import sql
from pyarrow import ipc, parquet

from config.testing.rollup import at, bar_row, insert_bars
from config.testing.rows import RUNS, insert
from marketdata.bars import export
from marketdata.bars.as_of import export_blocks_as_of
from marketdata.bars.export import export_blocks
from marketdata.bars.tables import write_arrow, write_csv, write_parquet
from marketdata.models import Bar, IngestRun, Series


@pytest.fixture
def series(two_runs) -> Series:
    series = Series.objects.get(slug="mnq")
    insert_bars([bar_row(symbol, at(minute), 3) for symbol in (series.symbol, "another") for minute in (9, 0, 1, 60)])
    return series


def format_line(ts: str) -> bytes:
    return f"CME_MINI:MNQ1!,2024-01-02T{ts}:00+00:00,3,10.25,0,10.25,3,1\n".encode()


def write_lines(series, **bounds) -> bytes:
    """The CSV file without its header."""
    return b"".join(write_csv(export_blocks(series, prices_as_text=True, **bounds))).partition(b"\n")[2]


@pytest.mark.parametrize(("rows_per_block", "sizes"), [(1, [1] * 4), (3, [3, 1]), (4, [4]), (20_000, [4])])
def test_blocks_contain_each_bar_once_in_time_order(series, monkeypatch, rows_per_block, sizes):
    monkeypatch.setattr("marketdata.bars.blocks.EXPORT_ROWS", rows_per_block)
    assert [len(block) for block in export_blocks(series, start=None, end=None)] == sizes
    lines = write_lines(series, start=None, end=None)
    assert lines == b"".join(map(format_line, ("14:00", "14:01", "14:09", "15:00")))


def test_a_range_includes_its_start_and_not_its_end(series):
    assert write_lines(series, start=at(1), end=at(9)) == format_line("14:01")
    assert write_lines(series, start=at(2), end=at(9)) == b""
    assert write_lines(series, start=at(9), end=at(2)) == b""


def read_stream(file) -> pyarrow.Table:
    return ipc.open_stream(file).read_all()


PRICES = ["-9223372036.854775808", "0", "9223372036.854775807", "100", "0.000000001", "-0.5", "-0.000000001", "1200"]


@pytest.fixture
def extremes(two_runs) -> Series:
    """A bar for each of `PRICES`, with volumes from the largest down."""
    series = Series.objects.get(slug="mnq")
    Bar.objects.bulk_create(
        [
            Bar(
                symbol=series.symbol, ts=at(n), ts_ms=int(at(n).timestamp() * 1000), volume=2**64 - 1 - n,
                ingestion_run_id=1, **dict.fromkeys(("open", "high", "low", "close"), price),
            )
            for n, price in enumerate(PRICES)
        ]
    )  # fmt: skip
    insert(RUNS, id=3, symbols=[series.symbol], min_ts=at(0), max_ts=at(len(PRICES)))
    IngestRun.objects.update(finished_at=timezone.now())
    return series


def test_csv_has_every_price_and_volume_exactly(extremes):
    rows = [line.split(",") for line in write_lines(extremes, start=None, end=None).decode().splitlines()]
    assert [row[2:6] for row in rows] == [[price] * 4 for price in PRICES]
    assert [int(row[6]) for row in rows] == [2**64 - 1 - n for n in range(len(PRICES))]


@pytest.mark.parametrize("rows_per_block", [1, 3, 20_000])
@pytest.mark.parametrize(("write", "read"), [(write_parquet, parquet.read_table), (write_arrow, read_stream)])
@pytest.mark.parametrize("as_of", [False, True])
def test_binary_files_equal_the_stored_bars(extremes, monkeypatch, rows_per_block, write, read, as_of):
    monkeypatch.setattr("marketdata.bars.blocks.EXPORT_ROWS", rows_per_block)
    bounds = {"start": None, "end": None}
    blocks = (
        export_blocks_as_of(extremes, as_of=timezone.now(), **bounds) if as_of else export_blocks(extremes, **bounds)
    )
    table = read(io.BytesIO(b"".join(write(blocks))))
    assert [str(type) for type in table.schema.types] == [
        "string", "timestamp[us, tz=UTC]", *["decimal128(20, 9)"] * 4, "uint64", "int64"
    ]  # fmt: skip
    names = ("symbol", "ts", "open", "high", "low", "close", "volume", "ingestion_run_id")
    stored = Bar.objects.filter(symbol=extremes.symbol).order_by("ts").values_list(*names)
    assert [tuple(row.values()) for row in table.to_pylist()] == list(stored)
    assert len(stored) == len(PRICES)


def test_a_symbol_is_quoted_where_it_must_be(two_runs):
    series = Series.objects.create(slug="odd", symbol='A,"B" C')
    insert_bars([bar_row(series.symbol, at(0), 3)])
    (row,) = csv.reader(io.StringIO(write_lines(series, start=None, end=None).decode()))
    assert row[0] == series.symbol


def test_a_failure_of_the_database_is_reported(series, monkeypatch):
    monkeypatch.setattr(export, "_COPY", sql.SQL("COPY ({query}) TO STDOUT (FORMAT NONE)"))
    with pytest.raises(DataError):
        list(export_blocks(series, start=None, end=None))
