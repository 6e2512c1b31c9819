"""Several inputs: each its own run and transaction, in a known order, and none stops the others."""

import os
import shutil
from pathlib import Path

import pytest
from django.core.management import CommandError
from django.utils import timezone

from ingestion.batch import find_files
from marketdata.models import Bar, IngestRun

from .builders import FRONT, bars, ingest, several, stored, write


def day_file(path: Path, number: int, **changes) -> Path:
    return write(path, bars(5, first=1440 * number), **changes)


def test_folders_stand_for_their_files_in_order_of_name(tmp_path):
    for name in ("b.dbn", "a.dbn.zst", "c/d.dbn", "manifest.json", "e.csv", "f.dbn.part"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.dbn").mkdir()

    assert [str(file.relative_to(tmp_path)) for file in find_files([tmp_path])] == ["a.dbn.zst", "b.dbn", "c/d.dbn"]


def test_a_file_is_taken_once_however_often_it_is_named(tmp_path, monkeypatch):
    path = tmp_path / "a.dbn"
    path.touch()
    (tmp_path / "link.dbn").symlink_to(path)
    (tmp_path / "loop.dbn").symlink_to(tmp_path / "loop.dbn")
    monkeypatch.chdir(tmp_path)

    assert find_files([path, path, Path("a.dbn"), Path("link.dbn"), tmp_path / "." / "a.dbn"]) == [path]
    assert find_files([tmp_path / "loop.dbn"]) == [tmp_path / "loop.dbn"]


def test_what_is_missing_or_empty_stands_for_itself(tmp_path):
    assert find_files([tmp_path, tmp_path / "missing.dbn"]) == [tmp_path, tmp_path / "missing.dbn"]


def test_each_file_is_its_own_run_and_a_bad_one_stops_no_other(market_db, tmp_path):
    for number in (1, 3):
        day_file(tmp_path / f"{number}.dbn", number)
    (tmp_path / "2.dbn").write_bytes(b"noise")

    with pytest.raises(CommandError, match=r"1 of 3 files were not taken\.") as refusal:
        ingest(tmp_path)

    assert refusal.value.returncode == 1
    runs = IngestRun.objects.order_by("pk")
    assert [(run.file_name, run.status) for run in runs] == [
        ("1.dbn", "success"),
        ("2.dbn", "failed"),
        ("3.dbn", "success"),
    ]
    assert Bar.objects.count() == 10


def test_a_name_that_is_not_utf8_stops_no_other(market_db, tmp_path):
    good = day_file(tmp_path / "good.dbn", 1)
    strange = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.dbn"))
    try:
        shutil.copy(good, strange)
    except OSError:
        pytest.skip("this file system takes no such names")

    with pytest.raises(CommandError, match="1 of 2 files were not taken"):
        ingest(strange, good)
    with pytest.raises(CommandError, match=r"udcff\.dbn' is not a name in UTF-8, so it cannot be stored"):
        ingest(strange)
    assert len(stored()) == 5


# --- --skip-ingested -------------------------------------------------------------------------------------------------


def skipped(*paths: Path, **options) -> list[bool]:
    printed = ingest(*paths, skip_ingested=True, json=True, **options)
    return [file["status"] == "skipped" for file in printed.json["files"]]


def test_a_file_that_is_in_is_skipped_under_any_name(market_db, tmp_path):
    path = day_file(tmp_path / "a.dbn", 1)
    other = shutil.copy(path, tmp_path / "b.dbn")
    new = day_file(tmp_path / "c.dbn", 2)

    assert skipped(path) == [False]
    assert skipped(path, other, new) == [True, True, False]
    assert IngestRun.objects.count() == 2
    assert f"Skipped: {path} is in already (run 1)." in ingest(path, skip_ingested=True).out


def test_part_of_a_file_or_a_failed_run_is_not_the_file(market_db, tmp_path):
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


def test_the_same_file_into_another_series_is_another_thing(market_db, tmp_path):
    path = day_file(tmp_path / "a.dbn", 1)
    ingest(path)

    assert skipped(path, symbol="OTHER") == [False]
    assert skipped(path, symbol="OTHER") == [True]
    assert skipped(path, symbol="CME_MINI:MNQ1!") == [True]
    assert skipped(path) == [True]


def test_a_file_of_several_series_is_skipped_only_if_it_was_filed_by_them(market_db, tmp_path):
    path = several(tmp_path / "a.dbn", {"A": bars(3, instrument_id=1), "B": bars(3, first=3, instrument_id=2)})
    ingest(path, symbol="ALL")

    assert skipped(path) == [False]
    assert skipped(path) == [True]


def test_another_publishers_rows_are_not_skipped(market_db, tmp_path):
    path = day_file(tmp_path / "a.dbn", 1)
    ingest(path)
    assert skipped(path, publisher=1) == [False]
    assert skipped(path, publisher=1) == [True]


def test_what_is_to_replace_another_instrument_is_never_skipped(market_db, tmp_path):
    path = day_file(tmp_path / "a.dbn", 1)
    other = write(tmp_path / "b.dbn", bars(5, first=1440, instrument_id=FRONT + 1), mappings={})
    ingest(path)
    ingest(other, replace_instrument=True)

    assert skipped(path, replace_instrument=True) == [False]
    assert stored() != {}


def test_a_bad_file_is_refused_as_without_it(market_db, tmp_path):
    bad = tmp_path / "bad.dbn"
    bad.write_bytes(b"noise")
    with pytest.raises(CommandError, match="is not a DBN file"):
        ingest(bad, skip_ingested=True)
    assert IngestRun.objects.get().status == "failed"


def test_skipping_looks_at_runs_and_so_closes_the_dead(market_db, tmp_path):
    path = write(tmp_path / "mnq.dbn", bars(3))
    ingest(path)
    dead = IngestRun.objects.create(file_name="dead.dbn", file_path="dead.dbn", started_at=timezone.now())

    ingest(path, skip_ingested=True, dry_run=True)
    dead.refresh_from_db()
    assert dead.status == "running"

    ingest(path, skip_ingested=True)
    dead.refresh_from_db()
    assert dead.status == "failed"


def test_a_file_whose_bars_were_deleted_is_not_skipped(market_db, tmp_path):
    path = write(tmp_path / "mnq.dbn", bars(3))
    ingest(path)
    Bar.objects.filter(ts_ms__gt=0).first().delete()
    assert skipped(path) == [False]
    assert Bar.objects.count() == 3
