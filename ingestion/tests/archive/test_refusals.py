"""A year stays in the table unless the lake has it exactly, and in the right lake."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow
import pytest
from django.core.management import CommandError
from django.db import DatabaseError, connection
from pyarrow import parquet

from config.testing.rows import execute
from config.testing.undo import undo
from ingestion.archive import archiving
from ingestion.tests.archive.conftest import (
    MNQ,
    YEAR,
    Archive,
    ingest_days,
    list_records,
    list_tables,
    read_all,
    refuse_command,
    run_command,
)
from marketdata.models import Bar, IngestRun

IN_HOUR = "2024-01-03 00:20+00"  # neither the first nor the last bar, nor the highest, nor the lowest


@pytest.mark.parametrize("later", [0, 1])
def test_the_year_must_be_over(archive, later):
    year = datetime.now(UTC).year + later
    assert f"{year} is not over yet" in archive.refuse(year)


@pytest.mark.parametrize("text", ["1899", "2200", "24", "0", "-2018", "2018.0", "two"])
def test_a_year_that_is_none(market_db, text):
    with pytest.raises(CommandError):
        run_command("archive_year", text)


def test_a_year_without_bars(archive):
    assert "There are no bars of 2020" in archive.refuse(2020)
    assert "There are no bars of 1950" in archive.refuse(1950)


def test_no_lake(archive, tmp_path, settings):
    settings.LAKE_DIR = ""
    assert "give --lake DIR, or set LAKE_DIR" in refuse_command("archive_year", YEAR)
    assert "has no lake: run export_lake" in refuse_command("archive_year", YEAR, lake=str(tmp_path / "none"))
    assert "needs a folder" in refuse_command("archive_year", YEAR, lake="")
    assert "neither a folder" in refuse_command("archive_year", YEAR, lake="ftp://host/lake")


def test_the_default_lake_is_that_of_the_settings(archive, settings):
    settings.LAKE_DIR = str(archive.folder)
    assert f"2024 is archived in {archive.folder}" in run_command("archive_year", YEAR).out


def test_the_lake_of_another_database(archive):
    path = archive.folder / "_lake/manifest.json"
    path.write_text(path.read_text().replace('"database":"', '"database":"other-'))
    assert "the lake of another database" in archive.refuse()


def test_a_correction_since_the_export(archive, tmp_path):
    ingest_days(tmp_path, date(2024, 1, 3), base=16_801)
    message = archive.refuse()
    assert f"runs have changed {MNQ} since the export" in message
    assert "run export_lake --since-last first" in message
    archive.export(since_last=True)
    archive.run()


def test_an_undo_since_the_export(archive):
    [run] = IngestRun.objects.filter(min_ts__year=2024)
    undo(run.pk)
    assert "runs have changed" in archive.refuse()


def test_a_load_of_another_year_since_the_export(archive, tmp_path):
    ingest_days(tmp_path, date(2023, 5, 5))
    archive.run()


def test_a_change_by_another_program_within_an_hour(archive):
    """No run shows it, and no hour."""
    Bar.objects.filter(ts=IN_HOUR).update(close=Bar.objects.get(ts=IN_HOUR).open)
    message = archive.refuse()
    assert "so nothing was archived: run export_lake first, without --since-last." in message
    assert f"the bar of {MNQ} at 2024-01-03 00:20 UTC has close" in message
    archive.export()
    archive.run()


def test_a_bar_of_another_program(archive):
    Bar.objects.filter(ts=IN_HOUR).delete()
    assert "has 240 bars of 2024 in the lake, and 239 in the database" in archive.refuse()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ("vendor = 'other'", "vendor"),
        ("schema = 'other'", "schema"),
        ("created_at = '2020-01-01 00:00+00'", "created_at"),
        ("ingestion_run_id = 1", "ingestion_run_id"),
        ("volume = volume + CASE ts WHEN '2024-01-03 00:20+00' THEN 1 ELSE -1 END", "volume"),  # the sum stays
    ],
)
def test_a_changed_column(archive, change, name):
    execute(
        f"UPDATE market_bars_ohlcv_1m SET {change} WHERE ts IN ('2024-01-03 00:20+00', '2024-01-03 00:21+00')"  # noqa: S608
    )
    assert f"at 2024-01-03 00:20 UTC has {name} " in archive.refuse()


def test_a_flipped_byte(archive):
    path = archive.find_file()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert "its SHA-256 is not that of the manifest" in archive.refuse()


def test_a_missing_file(archive):
    archive.find_file().unlink()
    assert "is missing" in archive.refuse()


def test_damage_of_another_year_does_not_matter(archive):
    archive.find_file(2023).unlink()
    archive.run()


def change_price(archive: Archive, *, in_hour: bool) -> None:
    """Change a price in the file, and the manifest as if it had been exported so."""
    path = archive.find_file()
    table = parquet.ParquetFile(path).read()
    number = 20 if in_hour else 0
    name = "close" if in_hour else "open"
    values = table[name].to_pylist()
    values[number] += Decimal("0.25")
    column = pyarrow.array(values, table.schema.field(name).type)
    parquet.write_table(table.set_column(table.column_names.index(name), table.schema.field(name), column), path)
    content = path.read_bytes()
    archive.edit_manifest(YEAR, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("in_hour", [True, False])
def test_a_changed_price_with_the_right_hash(archive, in_hour):
    change_price(archive, in_hour=in_hour)
    message = archive.refuse()
    assert ("the bar of" if in_hour else "open") in message


def test_an_interrupted_export(archive):
    (archive.folder / "_lake/journal.json").write_text("{}")
    assert "was interrupted: run export_lake again" in archive.refuse()


def test_a_table_without_partitions(archive, monkeypatch):
    monkeypatch.setattr("ingestion.archive.checks.is_partitioned", lambda cursor: False)
    assert "run partition_bars first" in archive.refuse()


def test_a_second_verification_precedes_the_drop(archive):
    archive.run()
    archive.find_file().unlink()
    message = archive.refuse(drop=True)
    assert "run restore_year 2024, which uses the detached table" in message
    archive.restore()


def test_a_drop_compares_the_detached_table(archive):
    archive.run()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE market_bars_ohlcv_1m_2024 DISABLE TRIGGER partition_guard")
        cursor.execute(
            "UPDATE market_bars_ohlcv_1m_2024 SET volume = volume + CASE ts WHEN %s THEN 1 ELSE -1 END WHERE ts = ANY "
            "(ARRAY[%s, %s]::timestamptz[])",
            [IN_HOUR, IN_HOUR, "2024-01-03 00:21+00"],
        )
    assert "at 2024-01-03 00:20 UTC has volume" in archive.refuse(drop=True)


def test_the_detached_table_refuses_writes(archive):
    archive.run()
    for statement in ("DELETE FROM market_bars_ohlcv_1m_2024", "TRUNCATE market_bars_ohlcv_1m_2024"):
        with pytest.raises(DatabaseError, match="has the bars of one year"):
            execute(statement)


def test_the_table_cannot_be_truncated(archive):
    archive.run()
    with pytest.raises(DatabaseError, match="cannot be truncated while years are archived"):
        execute("TRUNCATE market_bars_ohlcv_1m")


def test_a_run_of_an_archived_year_cannot_be_renumbered(archive):
    archive.run(drop=True)
    [run] = IngestRun.objects.filter(min_ts__year=2024)
    with pytest.raises(DatabaseError, match=f"ingest run {run.pk} has bars"):
        execute("UPDATE data_ingest_runs SET id = 99 WHERE id = %s", run.pk)


def test_a_detached_table_with_other_bars_is_not_attached(archive):
    archive.run()
    execute("ALTER TABLE market_bars_ohlcv_1m_2024 DISABLE TRIGGER partition_guard")
    execute("UPDATE market_bars_ohlcv_1m_2024 SET volume = volume + 1 WHERE ts = %s", IN_HOUR)
    for dry_run in (True, False):
        message = refuse_command("restore_year", YEAR, dry_run=dry_run)
        assert f"({MNQ}, 2024-01-03 00:00 UTC differs), so nothing was restored: rename it" in message
    execute("ALTER TABLE market_bars_ohlcv_1m_2024 RENAME TO kept_2024")
    archive.restore()
    execute("DROP TABLE kept_2024")
    assert dict(list_tables())["market_bars_ohlcv_1m_2024"] is True


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("damage", ["byte", "missing", "price", "manifest"])
def test_a_damaged_lake_is_not_loaded(archive, damage, dry_run):
    archive.run(drop=True)
    path = archive.find_file()
    if damage == "byte":
        path.write_bytes(b"x" + path.read_bytes()[1:])
    elif damage == "missing":
        path.unlink()
    elif damage == "price":
        change_price(archive, in_hour=False)
    else:
        (archive.folder / "_lake/manifest.json").unlink()
    message = refuse_command("restore_year", YEAR, dry_run=dry_run)
    expected = {"byte": "SHA-256", "missing": "is missing", "price": "00:00 UTC", "manifest": "has no lake"}
    assert expected[damage] in message
    assert "Traceback" not in message


def test_a_table_of_another_program_is_not_replaced(archive):
    archive.run(drop=True)
    execute("CREATE TABLE market_bars_ohlcv_1m_2024 (a int)")
    assert "rename it, and run the command again" in refuse_command("restore_year", YEAR)
    execute("DROP TABLE market_bars_ohlcv_1m_2024")


def test_a_change_during_the_comparison(archive, monkeypatch):
    """It lies within an hour, and has no run."""

    def compare_and_change(*arguments, **options):
        verified = compare(*arguments, **options)
        Bar.objects.filter(ts=IN_HOUR).update(close=Bar.objects.get(ts=IN_HOUR).open)
        return verified

    compare = archiving._verify
    monkeypatch.setattr(archiving, "_verify", compare_and_change)
    with pytest.raises(CommandError, match="has changed bars of 2024 during the comparison"):
        archive.run()
    assert (list_records(), len(read_all())) == ([], 720)


def test_an_export_during_the_comparison(archive, monkeypatch, tmp_path):
    def compare_and_export(*arguments, **options):
        verified = compare(*arguments, **options)
        ingest_days(tmp_path, date(2024, 1, 3), base=16_801)
        archive.export(since_last=True)
        return verified

    compare = archiving._verify
    monkeypatch.setattr(archiving, "_verify", compare_and_export)
    with pytest.raises(CommandError, match=r"has changed .* meanwhile: run the command again"):
        archive.run()
    assert (list_records(), len(read_all())) == ([], 720)
