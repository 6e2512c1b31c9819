"""Complete ranges of bars and candles as CSV and Parquet files."""

import csv
import gzip
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pyarrow import ipc, parquet

from config.testing.builders import bars, exact, ingest, together, write
from config.testing.rows import BARS as TABLE
from config.testing.rows import RUNS, insert
from marketdata.models import Series

BARS = "/api/market-data/mnq/ohlcv-1m/bars"
HOURS = "/api/market-data/mnq/ohlcv-1h/bars"


def test_csv_contains_the_complete_range(reader, records):
    response = reader.get(BARS, {"format": "csv", "start": "2024-01-02T00:05:00Z"})
    lines = b"".join(response.streaming_content).decode().splitlines()
    assert lines[0] == "symbol,ts,open,high,low,close,volume,run_id"
    assert len(lines) == 1 + 7
    assert lines[1].startswith("CME_MINI:MNQ1!,2024-01-02T00:05:00+00:00,16801,16801.75,16800.5,16801.25,105,")


@pytest.mark.parametrize("rows_per_block", [1, 5, 20_000])
def test_parquet_contains_the_complete_range_exactly(reader, records, monkeypatch, rows_per_block):
    monkeypatch.setattr("marketdata.bars.blocks.EXPORT_ROWS", rows_per_block)
    response = reader.get(BARS, {"format": "parquet"})
    table = parquet.read_table(io.BytesIO(b"".join(response.streaming_content))).to_pylist()
    names = ("open", "high", "low", "close", "volume")
    assert {row["ts"].astimezone(UTC): tuple(Decimal(row[name]) for name in names) for row in table} == exact(records)


def test_an_arrow_stream_equals_the_parquet_file(reader, records):
    files = [b"".join(reader.get(BARS, {"format": name}).streaming_content) for name in ("arrow", "parquet")]
    table = ipc.open_stream(files[0]).read_all()
    assert table == parquet.read_table(io.BytesIO(files[1]))
    assert len(table) == len(records)


def test_candles_as_arrow_equal_those_as_parquet(reader, records):
    files = [b"".join(reader.get(HOURS, {"format": name}).streaming_content) for name in ("arrow", "parquet")]
    assert ipc.open_stream(files[0]).read_all() == parquet.read_table(io.BytesIO(files[1]))


def test_an_empty_range_is_a_valid_file(reader, records):
    for file_format in ("csv", "parquet", "arrow"):
        response = reader.get(BARS, {"format": file_format, "start": "2030-01-01"})
        content = b"".join(response.streaming_content)
        if file_format == "csv":
            assert len(content.splitlines()) == 1
        elif file_format == "parquet":
            assert parquet.read_table(io.BytesIO(content)).num_rows == 0
        else:
            assert ipc.open_stream(content).read_all().num_rows == 0


@pytest.fixture
def candles(reader, tmp_path) -> list[dict]:
    """Four hourly candles, as JSON."""
    ingest(write(tmp_path / "mnq.dbn.zst", together(bars(70), bars(120, first=90))))
    return reader.get(HOURS).json()["bars"]


def test_candles_as_csv_equal_those_of_the_pages(reader, candles):
    content = b"".join(reader.get(HOURS, {"format": "csv"}).streaming_content).decode()
    rows = list(csv.DictReader(io.StringIO(content)))
    assert [row["symbol"] for row in rows] == ["CME_MINI:MNQ1!"] * 4
    assert [{name: row[name] for name in ("ts", "open", "close", "session_date")} for row in rows] == [
        {name: candle[name] for name in ("ts", "open", "close", "session_date")} for candle in candles
    ]


def test_candles_as_parquet_equal_those_of_the_pages(reader, candles):
    response = reader.get(HOURS, {"format": "parquet"})
    assert 'filename="mnq-ohlcv-1h.parquet"' in response["Content-Disposition"]
    table = parquet.read_table(io.BytesIO(b"".join(response.streaming_content))).to_pylist()
    assert len(table) == 4
    assert [(row["ts"], row["open"], row["session_date"], row["bar_count"], row["forming"]) for row in table] == [
        (
            datetime.fromisoformat(candle["ts"]),
            Decimal(candle["open"]),
            date.fromisoformat(candle["session_date"]),
            candle["bar_count"],
            False,
        )
        for candle in candles
    ]


@pytest.mark.parametrize("address", [BARS, HOURS])
@pytest.mark.parametrize("name", ["csv", "parquet"])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_head_returns_the_headers_of_the_file_and_reads_no_rows(reader, records, address, name, encoding):
    headers = {"Accept-Encoding": encoding}
    expected = reader.get(address, {"format": name}, headers=headers)
    with CaptureQueriesContext(connection) as queries:
        response = reader.head(address, {"format": name}, headers=headers)
        assert b"".join(response.streaming_content) == b""
    assert response.status_code == 200
    assert dict(response.headers) == dict(expected.headers)
    assert [query["sql"] for query in queries if "market_bars" in query["sql"]] == []


@pytest.mark.parametrize("address", [BARS, HOURS])
def test_a_client_that_accepts_gzip_gets_the_same_csv_file_smaller(reader, records, address):
    plain, compressed = (
        reader.get(address, {"format": "csv"}, headers={"Accept-Encoding": encoding})
        for encoding in ("identity", "gzip, deflate, br, zstd")
    )
    assert (plain.get("Content-Encoding"), compressed.get("Content-Encoding")) == (None, "gzip")
    assert {"Accept-Encoding"} <= set(plain["Vary"].split(", ")) & set(compressed["Vary"].split(", "))
    content = b"".join(compressed.streaming_content)
    assert gzip.decompress(content) == b"".join(plain.streaming_content)


@pytest.mark.parametrize("address", [BARS, HOURS])
@pytest.mark.parametrize("name", ["parquet", "arrow"])
def test_binary_files_are_not_compressed_again(reader, records, address, name):
    response = reader.get(address, {"format": name}, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in response.headers
    assert b"".join(response.streaming_content) == b"".join(reader.get(address, {"format": name}).streaming_content)


def test_head_reports_errors(reader, records):
    assert reader.head(BARS, {"format": "csv", "limit": "5"}).status_code == 400
    assert reader.head(BARS.replace("mnq", "nope"), {"format": "csv"}).status_code == 404


FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", '=HYPERLINK("http://x","y"),=2')
TEXTS = ("NQ=F", "A-B", "'=1", "1.5", "ES+1")


@pytest.mark.parametrize("symbol", [*FORMULAS, *TEXTS])
@pytest.mark.parametrize("address", ["ohlcv-1m/bars", "ohlcv-1m/bars?as_of=NOW", "ohlcv-1h/bars"])
def test_a_spreadsheet_reads_no_cell_as_a_formula(reader, symbol, address):
    insert(RUNS, symbols=[symbol], max_ts="2024-01-02 01:00:00+00")
    Series.objects.create(slug="hostile", symbol=symbol)
    low = {"open": Decimal("-2.5"), "high": -1, "low": Decimal("-37.630000001"), "close": -3}
    insert(TABLE, symbol=symbol, **low)
    insert(TABLE, symbol=symbol, **low, ts="2024-01-02 01:00:00+00", ts_ms=1_704_157_200_000)
    address = f"/api/market-data/hostile/{address}".replace("NOW", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}")

    content = b"".join(reader.get(address, headers={"Accept": "text/csv"}).streaming_content).decode()
    rows = list(csv.DictReader(io.StringIO(content, newline="")))
    shown = f"'{symbol}" if symbol in FORMULAS else symbol
    assert [row["symbol"] for row in rows] == [shown, shown]
    assert [rows[0][name] for name in ("open", "high", "low", "close")] == ["-2.5", "-1", "-37.630000001", "-3"]

    accept = {"Accept": "application/vnd.apache.parquet"}
    table = parquet.read_table(io.BytesIO(b"".join(reader.get(address, headers=accept).streaming_content))).to_pylist()
    assert [row["symbol"] for row in table] == [symbol, symbol]
    assert reader.get(address).json()["symbol"] == symbol
