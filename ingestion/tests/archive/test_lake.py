"""Exports keep the files of archived years: a lake has all bars, archived ones included."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pyarrow import parquet

from config.testing.rows import execute
from ingestion.tests.archive.conftest import Archive, ingest_days, read_all, run_command
from marketdata.lake.read import to_table_rows
from marketdata.lake.verification.verify import verify_lake
from marketdata.models import Series


def read_lake(folder: Path) -> list[tuple]:
    """The rows of all files that end in .parquet."""
    tables = [parquet.ParquetFile(path).read() for path in folder.rglob("*.parquet")]
    return sorted((row for table in tables for row in to_table_rows(table)), key=lambda row: (row[2], row[3]))


def export(archive: Archive, folder: Path, **options: object) -> str:
    out = io.StringIO()
    call_command("export_lake", to=str(folder), stdout=out, **options)
    return out.getvalue()


@pytest.mark.parametrize("since_last", [False, True])
@pytest.mark.parametrize("drop", [False, True])
def test_an_export_to_the_same_lake(archive, tmp_path, drop, since_last):
    before, path = read_all(), archive.find_file()
    archive.run(drop=drop)
    content = path.read_bytes()
    ingest_days(tmp_path, date(2023, 2, 3))
    added = [row for row in read_all() if row[3].date() == date(2023, 2, 3)]
    out = export(archive, archive.folder, since_last=since_last, verify=True)
    assert "has 840 bars in 3 files" in out
    assert "is right: 3 files with 840 bars, 14 hours compared." in out
    assert (archive.find_file(), path.read_bytes()) == (path, content)
    assert read_lake(archive.folder) == sorted([*before, *added], key=lambda row: (row[2], row[3]))
    archive.restore()
    assert read_lake(archive.folder) == read_all()


@pytest.mark.parametrize("since_last", [False, True])
def test_an_export_to_another_folder(archive, tmp_path, since_last):
    before = read_all()
    archive.run(drop=True)
    other = tmp_path / "other"
    out = export(archive, other, since_last=since_last, verify=True)
    assert "Written: 3 files with 720 bars." in out
    assert read_lake(other) == before
    # The year can move there, and come back from there.
    run_command("archive_year", 2024, lake=str(other))
    archive.find_file().unlink()
    archive.restore()
    assert read_all() == before


def test_an_older_lake_gets_the_files_of_the_archive(archive, tmp_path):
    other = tmp_path / "other"
    export(archive, other)
    ingest_days(tmp_path, date(2024, 1, 3), base=16_801)
    archive.export(since_last=True)
    before = read_all()
    archive.run(drop=True)
    export(archive, other, since_last=True, verify=True)
    assert read_lake(other) == before


@pytest.mark.parametrize("damage", ["missing", "byte"])
@pytest.mark.parametrize("drop", [False, True])
def test_files_that_no_lake_has(archive, tmp_path, damage, drop):
    archive.run(drop=drop)
    path = archive.find_file()
    if damage == "missing":
        path.unlink()
    else:
        content = path.read_bytes()
        path.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    way_out = "restore these files from a backup" if drop else "restore_year 2024 brings its bars back"
    with pytest.raises(CommandError, match=f"The bars of 2024 are archived.*nothing was exported: {way_out}"):
        export(archive, archive.folder)
    with pytest.raises(CommandError, match="missing or damaged"):
        export(archive, tmp_path / "other")
    assert not list((tmp_path / "other").rglob("*.parquet"))
    if not drop:
        archive.restore()
        export(archive, archive.folder, verify=True)
        assert read_lake(archive.folder) == read_all()


def test_a_series_that_gets_another_dataset(archive):
    archive.run(drop=True)
    path = archive.find_file()
    Series.objects.filter(slug="mnq").update(dataset="OTHER.SET")
    out = export(archive, archive.folder, since_last=True, verify=True)
    assert "is right" in out
    assert (path.parent.parent.name, path.exists()) == ("dataset=GLBX.MDP3", True)
    archive.restore()


def test_verify_lake_finds_damage_of_an_archived_year(archive):
    archive.run()
    assert verify_lake(archive.store).damages == []
    archive.find_file().unlink()
    assert any("is missing" in damage for damage in verify_lake(archive.store).damages)


def test_verify_lake_counts_archived_bars(archive):
    archive.run()
    execute("UPDATE market_archived_years SET bar_count = bar_count - 1")
    assert verify_lake(archive.store).damages == ["The lake has 720 bars, and the database 719."]
