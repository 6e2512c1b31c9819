"""Straight into the table where no bar can be met, and by way of staging where one might: the same bars either way."""

import numpy as np
import pytest

from ingestion import pipeline
from ingestion.pipeline import IngestOptions, ingest_file
from marketdata.models import Bar, IngestRun

from .builders import at, bars, exact, ingest, several, stored, write


@pytest.fixture
def upserts(monkeypatch):
    """The runs whose bars came by way of staging."""
    seen = []
    upsert = pipeline.upsert
    monkeypatch.setattr(
        pipeline, "upsert", lambda cursor, staged, run_id: seen.append(run_id) or upsert(cursor, staged, run_id)
    )
    return seen


def test_a_free_range_is_filled_without_staging(market_db, tmp_path, upserts):
    run = ingest_file(path=write(tmp_path / "mnq.dbn", bars(9)))
    assert upserts == []
    assert stored() == exact(bars(9))
    assert (run.inserted_count, run.updated_count) == (9, 0)


@pytest.mark.parametrize("end", [at(5), at(4), None], ids=["exclusive", "last bar's own time", "unsaid"])
def test_one_bar_in_the_range_is_enough_for_staging(market_db, tmp_path, upserts, end):
    ingest_file(path=write(tmp_path / "one.dbn", bars(1, first=4)))
    run = ingest_file(path=write(tmp_path / "all.dbn", bars(5), start=at(0), end=end))
    assert upserts == [run.pk]
    assert (run.inserted_count, run.updated_count, run.changed_count) == (4, 1, 0)


def test_a_bar_beside_the_range_is_not_in_the_way(market_db, tmp_path, upserts):
    ingest_file(path=write(tmp_path / "one.dbn", bars(1, first=9)))
    ingest_file(path=write(tmp_path / "all.dbn", bars(5), start=at(0), end=at(8)))
    assert upserts == []
    assert Bar.objects.count() == 6


def test_a_range_that_is_not_true_brings_nothing_in(market_db, tmp_path):
    with pytest.raises(Exception, match="outside the file's range"):
        ingest(write(tmp_path / "lies.dbn", bars(5), start=at(0), end=at(2)))
    assert (Bar.objects.count(), IngestRun.objects.get().status) == (0, "failed")


def test_symbols_of_all_lengths_arrive_as_by_staging(market_db, tmp_path, upserts):
    parts = {
        "A": bars(4, instrument_id=1),
        "NQ  SPREAD": bars(3, instrument_id=2, base=-5),
        "MNQZ4-MNQH5": bars(5, instrument_id=3),
    }
    ingest_file(path=several(tmp_path / "many.dbn.zst", parts))
    assert upserts == []
    assert {symbol: stored(symbol) for symbol in parts} == {symbol: exact(records) for symbol, records in parts.items()}


def test_repeated_rows_are_kept_once_on_the_short_way_too(market_db, tmp_path, upserts):
    run = ingest_file(path=write(tmp_path / "mnq.dbn", np.repeat(bars(3), 2)))
    assert upserts == []
    assert (run.row_count, run.inserted_count, run.duplicate_count) == (6, 3, 3)


def test_a_symbol_of_ones_own_may_have_any_letters(market_db, tmp_path, upserts):
    ingest_file(path=write(tmp_path / "mnq.dbn", bars(3)), options=IngestOptions(symbol="µ-Ωmega 1!"))
    assert upserts == []
    assert stored("µ-Ωmega 1!") == exact(bars(3))
