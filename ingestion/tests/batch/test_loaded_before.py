"""With --skip-ingested, a file is skipped if the table has its bars, or those of a later file of the batch."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError
from django.db import connection
from django.utils import timezone

from config.testing.batches import write_contract
from config.testing.builders import FRONT, bars, day_file, exact, ingest, several, stored, together, undo_run, write
from marketdata.models import Bar, IngestRun, Series


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


# --- By the table ----------------------------------------------------------------------------------------------------

DAY = bars(5, first=1440)  # as in day_file(…, 1)


def restate(records: np.ndarray) -> np.ndarray:
    """The same minutes with other volumes."""
    restated = records.copy()
    restated["volume"] += 1000
    return restated


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM market_bars_ohlcv_1m WHERE ts_ms = (SELECT min(ts_ms) FROM market_bars_ohlcv_1m)",
        "DELETE FROM market_bars_ohlcv_1m",
        "TRUNCATE market_bars_ohlcv_1m",
        "UPDATE market_bars_ohlcv_1m SET ingestion_run_id = 1 WHERE ts = '2024-01-03 00:02Z'",
        # The run stays the same, and so do the aggregates of the hour.
        "UPDATE market_bars_ohlcv_1m SET close = open WHERE ts = '2024-01-03 00:02Z'",
        "UPDATE market_bars_ohlcv_1m SET symbol = 'CME_MINI:MNQ2!'",
    ],
)
def test_bars_that_another_program_changed_or_deleted_are_loaded_again(market_db, tmp_path, sql):
    ingest(day_file(tmp_path / "earlier.dbn", 2))
    path = day_file(tmp_path / "a.dbn", 1)
    ingest(path)
    assert skipped(path) == [True]
    with connection.cursor() as cursor:
        cursor.execute(sql)

    assert skipped(path, dry_run=True) == [False]
    assert skipped(path) == [False]
    assert {ts: stored()[ts] for ts in exact(DAY)} == exact(DAY)
    assert skipped(path) == [True]


def test_a_file_that_a_later_load_changed_is_loaded_again(market_db, tmp_path):
    old = write(tmp_path / "old.dbn", DAY)
    new = write(tmp_path / "new.dbn", restate(DAY))
    ingest(old, new)
    ingest(old)
    assert skipped(new) == [False]
    assert stored() == exact(restate(DAY))
    assert skipped(new) == [True]


def test_bars_that_an_earlier_run_stored_count_as_the_files(market_db, tmp_path):
    """They name the earlier run, also after the series got other bars in the same hour."""
    wide = write(tmp_path / "wide.dbn", bars(20))
    narrow = write(tmp_path / "narrow.dbn", bars(10, first=5))
    after = write(tmp_path / "after.dbn", bars(20, first=20))
    ingest(wide, narrow, after)
    assert skipped(wide, narrow, after) == [True, True, True]

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM market_bars_ohlcv_1m WHERE ts = '2024-01-02 00:07Z'")
    assert skipped(narrow) == [False]


def test_a_file_whose_instrument_was_replaced_is_not_skipped(market_db, tmp_path):
    path = write(tmp_path / "x.dbn", bars(5), mappings=None)
    same_values = write(tmp_path / "y.dbn", bars(5, instrument_id=FRONT + 1), mappings=None)
    ingest(path)
    ingest(same_values, replace_instrument=True)
    assert Bar.objects.filter(ingestion_run=1).count() == 5
    with pytest.raises(CommandError, match="maps CME_MINI:MNQ1! to instrument 42000001"):
        ingest(path, skip_ingested=True)


def test_bars_that_an_undo_removed_are_missed_among_others_of_their_range(market_db, tmp_path):
    few = write(tmp_path / "few.dbn", together(bars(1), bars(1, first=600)))
    many = write(tmp_path / "many.dbn", bars(60, first=120))
    ingest(few, many)
    ingest(few)  # all of its bars name the first run
    assert skipped(few, many) == [True, True]
    undo_run(1)
    assert skipped(few, many) == [False, True]


def test_a_file_of_a_renamed_series_is_not_skipped(market_db, tmp_path):
    path = day_file(tmp_path / "a.dbn", 1)
    contract = write_contract(tmp_path, "b", "ABC")
    several_symbols = several(tmp_path / "c.dbn", {"P": bars(3, instrument_id=1), "Q": bars(3, instrument_id=2)})
    ingest(path, contract, several_symbols)
    for old, new in (("CME_MINI:MNQ1!", "MNQ1!"), ("ABC", "XYZ"), ("P", "R")):
        Series.objects.filter(symbol=old).update(symbol=new)
    try:
        assert skipped(path, contract, several_symbols) == [False, False, False]
    finally:
        Series.objects.filter(slug="mnq").update(symbol="CME_MINI:MNQ1!")


def test_a_restated_delivery_beside_the_first_is_not_loaded_again_and_again(market_db, tmp_path):
    old, new = write(tmp_path / "1.dbn", DAY), write(tmp_path / "2.dbn", restate(DAY))
    ingest(tmp_path)

    printed = ingest(tmp_path, skip_ingested=True).out

    assert f"Skipped: {old} is already loaded (run 1), and a later file has changed it (run 2)." in printed
    assert IngestRun.objects.count() == 2
    assert skipped(old) == [False]  # by itself, it has no later file
    assert skipped(tmp_path) == [True, False]
    assert stored() == exact(restate(DAY))

    write(new, restate(restate(DAY)))  # the later file has other values now than those that it was loaded with
    assert skipped(tmp_path) == [False, False]
    assert stored() == exact(restate(restate(DAY)))


def test_a_change_by_another_program_is_found_below_a_restated_delivery(market_db, tmp_path):
    write(tmp_path / "1.dbn", DAY)
    write(tmp_path / "2.dbn", restate(DAY[:3]))
    ingest(tmp_path)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE market_bars_ohlcv_1m SET close = open WHERE ts = '2024-01-03 00:04Z'")
    assert skipped(tmp_path) == [False, False]
    assert stored() == exact(together(restate(DAY[:3]), DAY[3:]))
