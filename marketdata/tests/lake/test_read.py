"""Bars from the lake are those of the table, of the same types."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from pyarrow.parquet import ParquetFile

from config.testing.rows import SERIES, execute, insert
from marketdata.lake.columns import COLUMNS
from marketdata.lake.errors import LakeError
from marketdata.lake.export import writing
from marketdata.lake.read import LakeReader, to_table_rows
from marketdata.lake.store import open_store
from marketdata.models import Bar
from marketdata.models.bar import EARLIEST, LATEST
from marketdata.tests.lake.conftest import read_table, store_run

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


def test_values_have_the_types_of_the_table(reader):
    rows = [row for table in reader.iterate_tables("A") for row in to_table_rows(table)]
    assert repr(rows) == repr(list(Bar.objects.filter(symbol="A").order_by("ts").values_list(*COLUMNS)))


BOUNDS = (None, NEW_YEAR - 61 * MINUTE, NEW_YEAR, NEW_YEAR + timedelta(seconds=1), NEW_YEAR + 100 * MINUTE)


@pytest.mark.parametrize("descending", [False, True])
def test_ranges_are_those_of_the_table(reader, descending):
    for start, end in product(BOUNDS, BOUNDS):
        tables = list(reader.iterate_tables("A", start=start, end=end, descending=descending, columns=["close", "ts"]))
        assert all(table.column_names == ["close", "ts"] for table in tables)
        found = [row for table in tables[:: -1 if descending else 1] for row in to_table_rows(table)]
        stored = Bar.objects.filter(symbol="A", ts__gte=start or EARLIEST, ts__lt=end or LATEST)
        assert found == list(stored.order_by("ts").values_list("close", "ts"))


def test_a_short_range_reads_few_row_groups(reader, monkeypatch):
    read = []
    original = ParquetFile.read_row_group

    def record(self, number, **options):
        read.append(number)
        return original(self, number, **options)

    monkeypatch.setattr(ParquetFile, "read_row_group", record)
    assert sum(map(len, reader.iterate_tables("B", start=NEW_YEAR + MINUTE, end=NEW_YEAR + 20 * MINUTE))) == 3
    assert len(read) <= 2


def test_the_footer_of_a_file_is_read_once(reader, monkeypatch):
    list(reader.iterate_tables("A"))
    monkeypatch.setattr("pyarrow.parquet.read_metadata", None)
    assert list(reader.iterate_tables("A"))


def test_a_changed_price_is_damage(reader, lake):
    """Also where the page can be read: pages have checksums."""
    path = max((lake.folder / one for one in lake.list_parquet()), key=lambda path: path.stat().st_size)
    content = path.read_bytes()
    wrong = 0
    for position in range(4, len(content) // 2, 101):
        path.write_bytes(content[:position] + bytes([content[position] ^ 4]) + content[position + 1 :])
        try:
            rows = [
                row for symbol in ("A", "B") for table in reader.iterate_tables(symbol) for row in to_table_rows(table)
            ]
        except LakeError:
            continue
        wrong += sorted(rows, key=lambda row: (row[2], row[3])) != read_table()
    assert wrong == 0


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
