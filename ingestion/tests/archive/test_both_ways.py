"""A year leaves the table and comes back exactly, with and without the detached table."""

from __future__ import annotations

import json
from datetime import date

import pytest
from django.db import connection

from ingestion.tests.archive.conftest import (
    YEAR,
    ingest_days,
    list_records,
    list_tables,
    read_all,
    read_derived,
    refuse_command,
    run_command,
)
from marketdata.models import ArchivedYear, Bar
from marketdata.partitions.years import FILLFACTOR

TABLE = "market_bars_ohlcv_1m_2024"


def read_options() -> set[str]:
    """The storage parameters of all partitions."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT reloptions::text FROM pg_class"
            " JOIN pg_partition_tree('market_bars_ohlcv_1m') ON relid = oid WHERE level = 1"
        )
        return {options for (options,) in cursor.fetchall()}


def find_kind() -> bool | None:
    return dict(list_tables()).get(TABLE)


@pytest.mark.parametrize("drop", [False, True])
def test_both_ways(archive, drop):
    before, derived, tables = read_all(), read_derived(), list_tables()
    out = archive.run(drop=drop)
    assert "240 bars" in out
    assert find_kind() is (None if drop else False)
    assert {row[3].year for row in read_all()} == {2023, 2025}
    assert read_derived() == derived
    record = ArchivedYear.objects.get()
    assert (record.year, record.bar_count, record.lake) == (YEAR, 240, str(archive.folder))
    assert (record.dropped_at is not None) == drop
    assert record.lake_as_of == archive.manifest.as_of
    assert "2024 is in the table again" in archive.restore()
    assert (read_all(), read_derived(), list_tables(), list_records()) == (before, derived, tables, [])


def test_the_restored_year_is_a_partition_like_the_others(archive, tmp_path):
    made = read_options()
    archive.run(drop=True)
    archive.restore()
    assert read_options() == made == {f"{{fillfactor={FILLFACTOR}}}"}
    run = ingest_days(tmp_path, date(2024, 5, 6))
    assert run.inserted_count == 120
    derived = run_command("verify_candles").out
    assert "agree with 840 bars" in derived
    archive.export(since_last=True)
    assert "is archived" in archive.run()


def test_again(archive):
    archive.run()
    again = archive.run()
    assert "2024 is archived in" in again
    assert "already (240 bars); market_bars_ohlcv_1m_2024 is detached." in again
    archive.run(drop=True)
    assert "already (240 bars); market_bars_ohlcv_1m_2024 is dropped." in archive.run(drop=True)
    archive.restore()
    assert archive.restore() == "2024 is not archived: there is nothing to restore.\n"


def test_previews_change_nothing(archive):
    before = read_all()
    out = archive.run(drop=True, dry_run=True)
    assert "archive 2024 (240 bars) and drop market_bars_ohlcv_1m_2024, after a second verification" in out
    assert (read_all(), list_records(), find_kind()) == (before, [], True)
    archive.run()
    assert "would attach market_bars_ohlcv_1m_2024, which has 240 bars" in archive.restore(dry_run=True)
    archive.run(drop=True)
    assert f"would load 240 bars from {archive.folder}" in archive.restore(dry_run=True)
    assert (len(list_records()), find_kind()) == (1, None)


def test_json(archive):
    printed = json.loads(archive.run(json=True))
    assert printed | {"lake_as_of": "", "archived_at": ""} == {
        "dry_run": False, "year": 2024, "bars": 240, "lake": str(archive.folder), "archived": True, "dropped": False,
        "lake_as_of": "", "archived_at": "", "dropped_at": None,
    }  # fmt: skip
    assert json.loads(archive.restore(json=True))["restored"] is True


def test_columns_that_differ_from_the_usual_ones_come_back(archive):
    moment = "2024-01-03 00:05+00"
    Bar.objects.filter(ts=moment).update(vendor='a "b", c', schema="x", created_at="2024-02-03 04:05:06.789+00")
    Bar.objects.filter(ts="2024-01-03 00:06+00").update(
        open="-1.000000001", low="-99999999999.999999999", high="99999999999.999999999", close="0", volume=2**64 - 1
    )
    archive.export()
    before = read_all()
    archive.run(drop=True)
    archive.restore()
    assert read_all() == before


def test_a_lake_that_was_moved(archive, tmp_path):
    archive.run(drop=True)
    moved = archive.folder.rename(tmp_path / "moved")
    assert "has no lake" in refuse_command("restore_year", YEAR)
    assert "is archived" in run_command("archive_year", YEAR, lake=str(moved)).out
    assert ArchivedYear.objects.get().lake == str(moved)
    archive.restore()
    assert Bar.objects.count() == 720
