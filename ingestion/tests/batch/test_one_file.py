"""With --skip-ingested, files already loaded are skipped."""

import shutil
from pathlib import Path

import pytest
from django.core.management import CommandError
from django.utils import timezone

from config.testing.builders import FRONT, bars, day_file, ingest, several, stored, write
from marketdata.models import Bar, IngestRun


def skipped(*paths: Path, **options) -> list[bool]:
    printed = ingest(*paths, skip_ingested=True, json=True, **options)
    return [file["status"] == "skipped" for file in printed.json["files"]]


def test_a_file_already_loaded_is_skipped_under_any_name(market_db, tmp_path):
    path = day_file(tmp_path / "a.dbn", 1)
    other = shutil.copy(path, tmp_path / "b.dbn")
    new = day_file(tmp_path / "c.dbn", 2)

    assert skipped(path) == [False]
    assert skipped(path, other, new) == [True, True, False]
    assert IngestRun.objects.count() == 2
    assert f"Skipped: {path} is already loaded (run 1)." in ingest(path, skip_ingested=True).out


def test_a_run_of_some_rows_or_a_failed_run_does_not_count(market_db, tmp_path):
    path = day_file(tmp_path / "a.dbn", 1)
    ingest(path, limit=3)
    IngestRun.objects.create(
        file_name="a.dbn",
        status="failed",
        error="x",
        started_at="2024-01-01T00:00Z",
        finished_at="2024-01-01T00:00Z",
        file_sha256=IngestRun.objects.get().file_sha256,
    )

    assert skipped(path) == [False]
    assert skipped(path) == [True]
    assert len(stored()) == 5


def test_the_same_file_is_loaded_into_another_series(market_db, tmp_path):
    path = day_file(tmp_path / "a.dbn", 1)
    ingest(path)

    assert skipped(path, symbol="OTHER") == [False]
    assert skipped(path, symbol="OTHER") == [True]
    assert skipped(path, symbol="CME_MINI:MNQ1!") == [True]
    assert skipped(path) == [True]


def test_a_file_of_several_series_is_skipped_only_if_it_was_loaded_into_them(market_db, tmp_path):
    path = several(tmp_path / "a.dbn", {"A": bars(3, instrument_id=1), "B": bars(3, first=3, instrument_id=2)})
    ingest(path, symbol="ALL")

    assert skipped(path) == [False]
    assert skipped(path) == [True]


def test_another_publishers_rows_are_not_skipped(market_db, tmp_path):
    path = day_file(tmp_path / "a.dbn", 1)
    ingest(path)
    assert skipped(path, publisher=1) == [False]
    assert skipped(path, publisher=1) == [True]


def test_a_file_is_never_skipped_with_replace_instrument(market_db, tmp_path):
    path = day_file(tmp_path / "a.dbn", 1)
    other = write(tmp_path / "b.dbn", bars(5, first=1440, instrument_id=FRONT + 1), mappings={})
    ingest(path)
    ingest(other, replace_instrument=True)

    assert skipped(path, replace_instrument=True) == [False]
    assert stored() != {}


def test_a_bad_file_is_refused_as_without_the_option(market_db, tmp_path):
    bad = tmp_path / "bad.dbn"
    bad.write_bytes(b"noise")
    with pytest.raises(CommandError, match="is not a DBN file"):
        ingest(bad, skip_ingested=True)
    assert IngestRun.objects.get().status == "failed"


def test_orphaned_runs_are_closed_but_not_by_a_dry_run(market_db, tmp_path):
    path = write(tmp_path / "mnq.dbn", bars(3))
    ingest(path)
    orphaned = IngestRun.objects.create(file_name="orphaned.dbn", file_path="orphaned.dbn", started_at=timezone.now())

    ingest(path, skip_ingested=True, dry_run=True)
    orphaned.refresh_from_db()
    assert orphaned.status == "running"

    ingest(path, skip_ingested=True)
    orphaned.refresh_from_db()
    assert orphaned.status == "failed"


def test_a_file_whose_bars_were_deleted_is_not_skipped(market_db, tmp_path):
    path = write(tmp_path / "mnq.dbn", bars(3))
    ingest(path)
    Bar.objects.filter(ts_ms__gt=0).first().delete()
    assert skipped(path) == [False]
    assert Bar.objects.count() == 3
