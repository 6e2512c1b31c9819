"""Bars from the lake are those of the table, of the same types."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pyarrow
import pytest
from pyarrow.parquet import ParquetFile

from config.testing.rows import SERIES, execute, insert
from marketdata.bars.export import export_blocks
from marketdata.bars.query import read_bar_page
from marketdata.lake.columns import COLUMNS
from marketdata.lake.errors import LakeError
from marketdata.lake.export import writing
from marketdata.lake.read import LakeReader, to_table_rows
from marketdata.lake.store import open_store
from marketdata.models import Bar, Series
from marketdata.tests.lake.conftest import store_run

MINUTE = timedelta(minutes=1)
NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)
INVENT = """
INSERT INTO market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)
SELECT %s, ts, extract(epoch FROM ts) * 1000, price, price + 1, price - 1, price, 18446744073709551615, 1
FROM (
    SELECT ts, -5 + date_part('minute', ts)::numeric / 8 AS price FROM generate_series(%s, %s, interval '7 min') AS ts
) AS invented
"""


@pytest.fixture
def reader(lake, monkeypatch):
    """Three years of two series in small row groups."""
    monkeypatch.setattr(writing, "GROUP_ROWS", 40)
    monkeypatch.setattr("marketdata.lake.export.blocks.BLOCK_ROWS", 16)
    store_run(1, symbols=["A", "B"], first="2022-12-31", last="2024-01-01")
    for symbol in ("A", "B"):
        insert(SERIES, slug=symbol.lower(), symbol=symbol, dataset="GLBX.MDP3", calendar="")
        execute(INVENT, symbol, NEW_YEAR - 5 * 60 * MINUTE, NEW_YEAR + 9 * 60 * MINUTE)
    execute(INVENT, "A", NEW_YEAR - timedelta(days=366), NEW_YEAR - timedelta(days=365))
    lake.export()
    return LakeReader(lake.store)


BOUNDS = (None, NEW_YEAR - 61 * MINUTE, NEW_YEAR, NEW_YEAR + timedelta(seconds=1), NEW_YEAR + 100 * MINUTE)


@pytest.mark.parametrize("descending", [False, True])
def test_pages_are_those_of_the_table(reader, descending):
    series = Series.objects.get(symbol="A")
    for start, end, limit in product(BOUNDS, BOUNDS, (1, 7, 1000)):
        page = {"start": start, "end": end, "descending": descending, "limit": limit}
        after = None
        for _ in range(6):
            expected, following = read_bar_page(series, **page, after=after)
            assert (expected, following) == reader.read_bar_page(series, **page, after=after), page
            if (after := following) is None:
                break


def test_values_have_the_types_of_the_table(reader):
    series = Series.objects.get(symbol="A")
    page = {"start": None, "end": None, "after": None, "descending": False, "limit": 3}
    own, found = read_bar_page(series, **page)[0], reader.read_bar_page(series, **page)[0]
    assert repr(found) == repr(own)
    rows = [row for table in reader.iterate_tables("A") for row in to_table_rows(table)]
    assert repr(rows) == repr(list(Bar.objects.filter(symbol="A").order_by("ts").values_list(*COLUMNS)))


def test_exports_are_those_of_the_table(reader):
    series = Series.objects.get(symbol="B")
    for start, end in product(BOUNDS, BOUNDS):
        own = pyarrow.concat_tables(export_blocks(series, start=start, end=end))
        found = pyarrow.concat_tables(reader.export_blocks(series, start=start, end=end))
        assert found.schema == own.schema
        assert found.to_pylist() == own.to_pylist()


def test_a_short_range_reads_few_row_groups(reader, monkeypatch):
    read = []
    original = ParquetFile.read_row_group

    def record(self, number, **options):
        read.append(number)
        return original(self, number, **options)

    monkeypatch.setattr(ParquetFile, "read_row_group", record)
    assert sum(map(len, reader.iterate_tables("B", start=NEW_YEAR + MINUTE, end=NEW_YEAR + 20 * MINUTE))) == 3
    assert len(read) <= 2


def test_an_unknown_symbol_has_no_bars(reader):
    assert list(reader.iterate_tables("C")) == []


def test_a_damaged_or_missing_file_is_named(reader, lake):
    path = lake.folder / lake.list_parquet()[0]
    path.write_bytes(b"PAR1 no")
    with pytest.raises(LakeError, match=r"is damaged: run export_lake without --since-last"):
        list(reader.iterate_tables("A"))
    path.unlink()
    with pytest.raises(LakeError, match=r"is missing"):
        list(reader.iterate_tables("A"))


def test_a_folder_without_a_lake(tmp_path):
    with pytest.raises(LakeError, match=r"has no lake"):
        LakeReader(open_store(str(tmp_path))).manifest  # noqa: B018
