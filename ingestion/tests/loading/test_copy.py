"""Straight into the table where no bar can be met, and by way of staging where one might: the same bars either way."""

import numpy as np
import pytest

from config.testing.builders import at, bars, exact, ingest, several, stored, write
from ingestion import pipeline
from ingestion.dbn import records as records_module
from ingestion.errors import DatabaseFailure, InvalidBars
from ingestion.loading.overlap import StoredRanges
from ingestion.pipeline import IngestOptions, ingest_file
from marketdata.models import Bar, IngestRun


@pytest.fixture
def ways(monkeypatch):
    """How many rows went each way: {"straight": …, "staged": …}."""
    seen = {"straight": 0, "staged": 0}

    def counted(way, take):
        def count_and_take(cursor, rows):
            seen[way] += rows.count
            take(cursor, rows)

        return count_and_take

    monkeypatch.setattr(pipeline, "copy_new_bars", counted("straight", pipeline.copy_new_bars))
    monkeypatch.setattr(pipeline, "copy_staged_bars", counted("staged", pipeline.copy_staged_bars))
    return seen


def test_a_free_range_is_filled_without_staging(market_db, tmp_path, ways):
    run = ingest_file(path=write(tmp_path / "mnq.dbn", bars(9)))
    assert ways == {"straight": 9, "staged": 0}
    assert stored() == exact(bars(9))
    assert (run.inserted_count, run.updated_count) == (9, 0)


@pytest.mark.parametrize("end", [at(5), at(4), None], ids=["exclusive", "last bar's own time", "unsaid"])
def test_only_what_lies_between_the_stored_bars_is_staged(market_db, tmp_path, ways, end):
    ingest_file(path=write(tmp_path / "two.dbn", bars(3, first=2)[[0, 2]]))
    ways.update(straight=0)
    run = ingest_file(path=write(tmp_path / "all.dbn", bars(5), start=at(0), end=end))
    assert ways == {"straight": 2, "staged": 3}
    assert (run.inserted_count, run.updated_count, run.changed_count) == (3, 2, 0)
    assert stored() == exact(bars(5))
    assert {bar.ingestion_run_id for bar in Bar.objects.all()} == {run.pk - 1, run.pk}


def test_a_bar_beside_the_range_is_not_in_the_way(market_db, tmp_path, ways):
    ingest_file(path=write(tmp_path / "one.dbn", bars(1, first=9)))
    ingest_file(path=write(tmp_path / "all.dbn", bars(5), start=at(0), end=at(8)))
    assert ways["staged"] == 0
    assert Bar.objects.count() == 6


def test_a_range_that_is_not_true_brings_nothing_in(market_db, tmp_path):
    with pytest.raises(Exception, match="outside the file's range"):
        ingest(write(tmp_path / "lies.dbn", bars(5), start=at(0), end=at(2)))
    assert (Bar.objects.count(), IngestRun.objects.get().status) == (0, "failed")


def test_symbols_of_all_lengths_arrive_as_by_staging(market_db, tmp_path, ways):
    parts = {
        "A": bars(4, instrument_id=1),
        "NQ  SPREAD": bars(3, instrument_id=2, base=-5),
        "MNQZ4-MNQH5": bars(5, instrument_id=3),
    }
    ingest_file(path=several(tmp_path / "many.dbn.zst", parts))
    assert ways == {"straight": 12, "staged": 0}
    assert {symbol: stored(symbol) for symbol in parts} == {symbol: exact(records) for symbol, records in parts.items()}


def test_repeated_rows_are_kept_once_on_the_short_way_too(market_db, tmp_path, ways):
    run = ingest_file(path=write(tmp_path / "mnq.dbn", np.repeat(bars(3), 2)))
    assert ways == {"straight": 3, "staged": 0}
    assert (run.row_count, run.inserted_count, run.duplicate_count) == (6, 3, 3)


def test_a_symbol_of_ones_own_may_have_any_letters(market_db, tmp_path, ways):
    ingest_file(path=write(tmp_path / "mnq.dbn", bars(3)), options=IngestOptions(symbol="µ-Ωmega 1!"))
    assert ways == {"straight": 3, "staged": 0}
    assert stored("µ-Ωmega 1!") == exact(bars(3))


def test_each_series_has_a_window_of_its_own(market_db, tmp_path, ways):
    parts = {"A": bars(6, instrument_id=1), "B": bars(6, instrument_id=2), "C": bars(6, instrument_id=3)}
    ingest_file(path=several(tmp_path / "before.dbn", {"A": parts["A"][:2], "B": parts["B"][3:5]}))
    ways.update(straight=0)
    changed = {symbol: records.copy() for symbol, records in parts.items()}
    changed["B"]["volume"][4] += 1
    run = ingest_file(path=several(tmp_path / "all.dbn", changed))
    assert ways == {"straight": 4 + 4 + 6, "staged": 2 + 2}
    assert (run.inserted_count, run.updated_count, run.changed_count) == (14, 4, 1)
    assert {symbol: stored(symbol) for symbol in parts} == {
        symbol: exact(records) for symbol, records in changed.items()
    }


def test_a_preview_writes_nothing_and_counts_the_same(market_db, tmp_path, ways):
    ingest_file(path=write(tmp_path / "one.dbn", bars(1, first=4)))
    ways.update(straight=0)
    path = write(tmp_path / "all.dbn", bars(8))
    preview = pipeline.preview_file(path=path)
    assert ways == {"straight": 0, "staged": 8}
    assert (preview.inserted_count, preview.updated_count) == (7, 1)
    assert (Bar.objects.count(), IngestRun.objects.count()) == (1, 1)


def test_a_file_refused_behind_rows_that_went_straight_leaves_none_of_them(market_db, tmp_path, ways, monkeypatch):
    monkeypatch.setattr(records_module.RecordReader.read_batches, "__defaults__", (4,))
    records = bars(20)
    records["high"][17] = records["low"][17] - 1
    with pytest.raises(InvalidBars, match="row 18"):
        ingest_file(path=write(tmp_path / "bad.dbn", records))
    assert ways["straight"] >= 8
    assert (Bar.objects.count(), IngestRun.objects.get().status) == (0, "failed")


def test_another_program_that_takes_no_locks_is_told(market_db, tmp_path, monkeypatch):
    path = write(tmp_path / "mnq.dbn", bars(5))
    ingest_file(path=path)
    # As if that program had stored them behind the look at the windows.
    monkeypatch.setattr(pipeline, "find_stored_ranges", lambda *_: StoredRanges())
    with pytest.raises(DatabaseFailure, match="stored bars of these series while the file was read"):
        ingest_file(path=path)
    assert IngestRun.objects.get(status="failed").file_sha256
    assert stored() == exact(bars(5))
