"""The files of the lake are exactly the table of bars."""

import io
from decimal import Decimal

import duckdb
import pandas
import polars
import pyarrow
import pytest
from django.core.management import CommandError, call_command
from pyarrow import dataset

from config.testing.builders import bars, ingest, write
from config.testing.earlier_version import build_history
from config.testing.rows import SERIES, execute, insert
from config.testing.undo import change_volume, ingest_records, undo
from marketdata.bars.archived import ROW_COLUMNS, to_bar_rows
from marketdata.bars.as_of import read_bar_page_as_of
from marketdata.lake.columns import COLUMNS
from marketdata.lake.read import LakeReader
from marketdata.models import Bar, IngestRun, Series
from marketdata.tests.lake.conftest import MNQ, read_schema, read_table, store_bars, store_run

ODD = ("A B", "a/b:c", "x=1", "Ü%20€", "quote\"'", "back\\slash", "comma,line\nbreak", "NA", "null", "*", "..")


def test_the_files_are_the_table(lake, tmp_path):
    ingest(write(tmp_path / "a.dbn", bars(3000)))
    printed = lake.export()
    assert printed["rows"] == printed["written_rows"] == 3000
    assert (printed["files"], printed["runs"]) == (1, "1")
    lake.check()


def test_columns_and_types_are_those_of_the_table(lake):
    assert {field.column for field in Bar._meta.concrete_fields} == set(COLUMNS)
    store_run(1, symbols=[MNQ], first="2024-01-02", last="2024-01-02")
    store_bars(MNQ, "2024-01-02T00:00")
    lake.export()
    schema = read_schema(lake.folder / lake.list_parquet()[0])
    assert schema.field("close").type == pyarrow.decimal128(20, 9)
    assert schema.field("volume").type == pyarrow.decimal128(20, 0)
    assert schema.field("ts").type == pyarrow.timestamp("us", tz="UTC")


@pytest.mark.parametrize("moment", ["1900-01-01T00:00", "1969-12-31T23:59", "2199-12-31T23:59"])
def test_extreme_values_stay_exact(lake, moment):
    store_run(1, symbols=["X", "Y"], first=moment, last=moment)
    largest, tick = Decimal("99999999999.999999999"), Decimal("1e-9")
    store_bars("X", moment, open=largest, high=largest, low=-largest, close=-largest, volume=10**20 - 1)
    store_bars("Y", moment, open=0, high=tick, low=-tick, close=0, volume=0, vendor="", schema="NA")
    execute("UPDATE market_bars_ohlcv_1m SET created_at = '2199-12-31 23:59:59.999999+00' WHERE symbol = 'X'")
    execute("UPDATE market_bars_ohlcv_1m SET created_at = '1900-01-01 00:00:00.000001+00' WHERE symbol = 'Y'")
    lake.export()
    lake.check()


def test_odd_symbols_and_datasets(lake):
    store_run(1, symbols=list(ODD), first="2024-01-02", last="2024-01-02")
    for number, symbol in enumerate(ODD):
        if number % 2:
            insert(SERIES, slug=f"s{number}", symbol=symbol, dataset=symbol[:32], calendar="")
        store_bars(symbol, "2023-12-31T23:59", "2024-01-01T00:00")
    lake.export()
    lake.check()
    datasets = {file.dataset for file in lake.manifest.files}
    assert None in datasets
    assert set(ODD[1::2]) <= datasets


def read_datasets(lake) -> list[list]:
    """The datasets of all bars, as readers of the folder find them."""
    pattern = f"{lake.folder}/**/*.parquet"
    frames = (
        pandas.read_parquet(lake.folder),
        dataset.dataset(lake.folder, format="parquet", partitioning="hive").to_table().to_pandas(),
        polars.read_parquet(pattern, hive_partitioning=True).to_pandas(),
        duckdb.sql(f"FROM read_parquet('{pattern}', hive_partitioning = true)").df(),
    )
    return [sorted(frame["dataset"]) for frame in frames]


def test_every_reader_finds_bars_without_a_dataset(lake, tmp_path):
    """PyArrow and pandas refuse a folder with Hive's name for NULL."""
    store_run(1, symbols=["other"], first="2024-01-02", last="2024-01-02")
    store_bars("other", "2024-01-02T00:00")
    execute("SELECT setval('data_ingest_runs_id_seq', 1)")
    lake.export()
    assert read_datasets(lake) == [["unknown"]] * 4
    ingest_records(tmp_path, bars(1))
    lake.export(since_last=True)
    assert read_datasets(lake) == [["GLBX.MDP3", "unknown"]] * 4


@pytest.mark.parametrize("name", ["\u6771" * 32, "\U0001f4c8" * 32, "%" * 16 + "\u00e9" * 16, "\u6771/\x7f=" * 8])
def test_the_longest_names_of_datasets_fit_into_the_name_of_a_folder(lake, name):
    store_run(1, symbols=["other"], first="2024-01-02", last="2024-01-02")
    insert(SERIES, slug="other", symbol="other", dataset=name, calendar="")
    store_bars("other", "2024-01-02T00:00")
    lake.export()
    lake.check()
    assert read_datasets(lake) == [[name]] * 4
    assert lake.export(since_last=True)["written_files"] == 0


def test_a_folder_of_an_earlier_version_is_replaced(lake, monkeypatch):
    """Also where no bar has changed."""
    store_run(1, symbols=["other"], first="2024-01-02", last="2024-01-02")
    store_bars("other", "2024-01-02T00:00")
    with monkeypatch.context() as earlier:
        earlier.setattr("marketdata.lake.export.layout.UNKNOWN_DATASET", "__HIVE_DEFAULT_PARTITION__")
        lake.export()
    assert lake.export(since_last=True)["written_files"] == 1
    assert [path.partition("/")[0] for path in lake.list_parquet()] == ["dataset=unknown"]
    lake.check()


def test_an_empty_table_gives_an_empty_lake(lake):
    assert lake.export()["rows"] == 0
    lake.check()
    assert lake.export(since_last=True)["rows"] == 0


def test_since_last_writes_only_what_runs_changed(lake, tmp_path):
    years = write_years(lake, tmp_path)
    printed = lake.export(since_last=True)
    assert (printed["written_files"], printed["written_rows"]) == (0, 0)
    before = set(lake.list_parquet())
    ingest_records(tmp_path, bars(1, first=60 * 24 * 10))  # 2024
    printed = lake.export(since_last=True)
    assert (printed["written_files"], printed["runs"]) == (1, "1-2,100")
    assert len(before & set(lake.list_parquet())) == years - 1
    lake.check()


def write_years(lake, tmp_path) -> int:
    ingest_records(tmp_path, bars(5))
    store_run(100, symbols=["other"], first="2020-01-01", last="2022-12-31")
    store_bars("other", "2020-05-05T00:00", "2021-05-05T00:00", "2022-05-05T00:00", run=100)
    execute("SELECT setval('data_ingest_runs_id_seq', 1)")
    return lake.export()["files"]


def test_corrections_and_undos_are_exported(lake, tmp_path):
    write_years(lake, tmp_path)
    # The value of an inner minute changes, and not the hour's sum.
    changed = bars(5)
    changed["volume"][[1, 2]] = changed["volume"][[2, 1]]
    ingest_records(tmp_path, changed)
    assert lake.export(since_last=True)["written_files"] == 1
    lake.check()
    undo(2)
    assert lake.export(since_last=True)["written_files"] == 1
    lake.check()
    undo(1)
    assert lake.export(since_last=True)["rows"] == 3
    lake.check()


def test_bars_that_other_programs_write_are_exported(lake, tmp_path):
    write_years(lake, tmp_path)
    execute("UPDATE market_bars_ohlcv_1m SET volume = volume + 1 WHERE symbol = 'other' AND ts < '2021-01-01'")
    execute("DELETE FROM market_bars_ohlcv_1m WHERE symbol = 'other' AND ts > '2022-01-01'")
    assert lake.export(since_last=True)["written_files"] == 1
    lake.check()


def test_a_series_moves_to_its_new_dataset(lake, tmp_path):
    write_years(lake, tmp_path)
    insert(SERIES, slug="other", symbol="other", dataset="XNAS.ITCH", calendar="")
    assert lake.export(since_last=True)["written_files"] == 3
    lake.check()
    assert sum("XNAS.ITCH" in path for path in lake.list_parquet()) == 3


def test_a_run_that_is_committed_late_is_exported(lake, tmp_path):
    """Its id and its times are before those of a run that was exported."""
    ingest_records(tmp_path, bars(5))
    execute("SELECT setval('data_ingest_runs_id_seq', 5)")
    ingest_records(tmp_path, bars(5, first=10))
    lake.export()
    store_run(3, symbols=[MNQ], first="2024-01-02", last="2024-01-03")
    execute("UPDATE market_bars_ohlcv_1m SET open = low WHERE symbol = %s AND ts = '2024-01-02 00:02+00'", MNQ)
    printed = lake.export(since_last=True)
    assert (printed["written_files"], printed["runs"]) == (1, "1,3,6")
    lake.check()


def test_a_full_export_keeps_files_that_are_equal(lake, tmp_path):
    write_years(lake, tmp_path)
    before = lake.list_parquet()
    assert lake.export()["written_files"] == 0
    assert lake.list_parquet() == before
    lake.check()


def test_an_export_as_of_a_time_is_what_the_api_answers(lake, tmp_path):
    ingest_records(tmp_path, bars(5))
    lake.export()
    (table,) = LakeReader(lake.store).iterate_tables(MNQ, columns=ROW_COLUMNS)
    ingest_records(tmp_path, change_volume(bars(5), 1))
    as_of = lake.manifest.as_of
    mnq = Series.objects.get(slug="mnq")
    page = read_bar_page_as_of(mnq, as_of=as_of, start=None, end=None, after=None, descending=False, limit=100)
    assert (to_bar_rows(table), None) == page


def test_the_manifest_of_a_restored_backup_is_not_continued(lake, tmp_path):
    ingest_records(tmp_path, bars(5))
    lake.export()
    # Another run has the number of one that was exported.
    execute("UPDATE data_ingest_runs SET finished_at = finished_at + interval '1 millisecond' WHERE id = 1")
    execute("UPDATE market_bars_ohlcv_1m SET open = low WHERE ts = '2024-01-02 00:02+00'")
    assert "no longer has the runs" in "".join(lake.export(since_last=True)["notes"])
    lake.check()


def test_a_missing_file_is_written_again(lake, tmp_path):
    write_years(lake, tmp_path)
    first, second, *_ = lake.list_parquet()
    (lake.folder / first).unlink()
    (lake.folder / second).write_bytes(b"short")
    assert lake.export(since_last=True)["notes"] == ["Files that are missing or have another size: 2."]
    lake.check()


def test_a_full_export_mends_a_damaged_file(lake, tmp_path):
    write_years(lake, tmp_path)
    path = lake.folder / lake.list_parquet()[0]
    content = path.read_bytes()
    path.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    with pytest.raises(CommandError, match=r"1 finding"):
        lake.run("verify_lake")
    lake.export()
    lake.check()


def test_a_rollup_that_lacks_bars_is_refused(lake, tmp_path):
    ingest_records(tmp_path, bars(70))
    execute("ALTER TABLE market_bars_ohlcv_1m DISABLE TRIGGER USER")
    try:
        execute("DELETE FROM market_bars_ohlcv_1m WHERE ts = '2024-01-02 00:02+00'")
    finally:
        execute("ALTER TABLE market_bars_ohlcv_1m ENABLE TRIGGER USER")
    with pytest.raises(CommandError, match=r"verify_candles --repair"):
        lake.export()
    assert lake.list_parquet() == []
    assert not list(lake.folder.rglob("*.part"))


def test_every_bar_keeps_the_time_at_which_it_was_stored(lake, monkeypatch):
    """Blocks send only times that differ from that of the block before."""
    monkeypatch.setattr("marketdata.lake.export.blocks.BLOCK_ROWS", 3)
    store_run(1, symbols=["A", "B", "C", "D"], first="2024-01-02", last="2024-01-02")
    for symbol, count in (("A", 7), ("B", 1), ("C", 2), ("D", 4)):
        store_bars(symbol, *(f"2024-01-02T00:0{minute}" for minute in range(count)))
    execute("UPDATE market_bars_ohlcv_1m SET created_at = '2024-05-05 00:00:00.5+00' WHERE ts >= '2024-01-02 00:02+00'")
    execute("UPDATE market_bars_ohlcv_1m SET created_at = '1970-01-01 00:00+00' WHERE symbol IN ('B', 'D')")
    lake.export()
    lake.check()


def test_a_value_that_parquet_cannot_store_is_refused(lake):
    store_run(1, symbols=[MNQ], first="2024-01-02", last="2024-01-02")
    store_bars(MNQ, "2024-01-02T00:00", created_at="infinity")
    with pytest.raises(
        CommandError, match=rf"The bars of {MNQ} have a value that Parquet cannot store \(.*\): correct"
    ):
        lake.export()


@pytest.mark.slow
def test_a_split_and_its_undo_are_exported(lake, tmp_path):
    build_history(tmp_path)
    lake.export()
    call_command("split_contracts", stdout=io.StringIO())
    split = IngestRun.objects.get(kind="split").pk
    assert lake.export(since_last=True)["written_files"] > 0
    assert any("NQH2015" in file.symbols for file in lake.manifest.files)
    lake.check()
    undo(split)
    lake.export(since_last=True)
    lake.check()


@pytest.mark.slow
def test_since_last_is_what_a_full_export_writes(lake, tmp_path):
    """After any changes, the same rows come out both ways."""
    write_years(lake, tmp_path)
    for step in range(3):
        ingest_records(tmp_path, bars(5, first=3 * step, base=16_000 + step))
        lake.export(since_last=True)
        rows = lake.read_rows()
        lake.export()
        assert lake.read_rows() == rows == read_table()
