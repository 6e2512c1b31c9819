"""The undo of a run that removed withdrawn bars restores them exactly, unless later runs wrote there."""

from __future__ import annotations

from datetime import date

import numpy as np

from config.testing.builders import FRONT, bars, exact, stored, together, write
from config.testing.undo import (
    NEXT,
    REPLACE,
    change_volume,
    daily_bars,
    list_bars,
    list_intervals,
    preview_and_undo,
    refuse_undo,
    undo,
)
from ingestion.options import IngestOptions
from ingestion.pipeline import ingest_file
from ingestion.undo.pipeline import undo_run

REMOVE = IngestOptions(remove_withdrawn=True)


def list_values() -> list[tuple]:
    """Every bar with its run. A restored bar is created at the undo, so the time is left out."""
    return [bar[:-1] for bar in list_bars()]


def restate(records: np.ndarray, *missing: int) -> np.ndarray:
    """The records of a later delivery, which lacks the rows at these positions."""
    return np.delete(records, missing)


def test_withdrawn_bars_are_restored_exactly(market_db, file):
    file(bars(20))
    before, intervals = list_values(), list_intervals()
    second = file(restate(bars(20), 0, 5, 19), options=REMOVE)

    assert preview_and_undo(second) == (0, 0, 3, 0)

    assert (list_values(), list_intervals()) == (before, intervals)
    assert f"Run {second.pk} was already undone" in refuse_undo(second.pk)


def test_new_changed_and_withdrawn_bars_are_all_undone(market_db, file):
    file(bars(10))
    before = list_values()
    second = file(restate(change_volume(bars(20), 2, 3), 5, 6), options=REMOVE)
    assert (second.inserted_count, second.changed_count, second.removed_count) == (10, 2, 2)
    assert preview_and_undo(second) == (10, 2, 2, 0)
    assert list_values() == before


def test_a_run_that_only_counted_withdrawn_bars_removed_none(market_db, file):
    file(bars(10))
    second = file(restate(bars(10), 5))
    assert second.withdrawn_count == 1
    assert f"Run {second.pk} changed nothing" in refuse_undo(second.pk)


def test_bars_outside_the_times_of_the_files_rows_are_restored(market_db, file):
    file(daily_bars(2, 3, 4))
    before, intervals = list_values(), list_intervals()
    second = file(daily_bars(3, first=1, count=2), options=REMOVE)
    assert second.removed_count == 13
    assert preview_and_undo(second) == (0, 0, 13, 0)
    assert (list_values(), list_intervals()) == (before, intervals)


def test_bars_of_a_series_without_a_row_in_the_file_are_restored(market_db, tmp_path):
    a, b = bars(5, instrument_id=1), bars(5, instrument_id=2)
    changes = {
        "symbols": ("A", "B"),
        "mappings": {name: [(date(2024, 1, 1), date(2024, 2, 1), number)] for number, name in enumerate("AB", start=1)},
        "stype_in": "raw_symbol",
    }
    ingest_file(path=write(tmp_path / "first.dbn", together(a, b), **changes))
    before, intervals = list_values(), list_intervals()
    second = ingest_file(path=write(tmp_path / "restated.dbn", a, **changes), options=REMOVE).run
    assert (second.removed_count, second.symbols) == (5, ["A", "B"])
    assert preview_and_undo(second) == (0, 0, 5, 0)
    assert (list_values(), list_intervals()) == (before, intervals)


def test_bars_that_a_later_run_stored_again_are_skipped_until_it_is_undone(market_db, file):
    file(bars(10))
    before = list_values()
    second = file(restate(bars(10), 3, 4, 5), options=REMOVE)
    third = file(change_volume(bars(10), 4)[:5])

    assert preview_and_undo(second) == (0, 0, 1, 2)
    assert stored() == exact(change_volume(bars(10), 4))
    assert "except for 2 bars that later runs have changed" in refuse_undo(second.pk)
    undo_run(run_id=third.pk)
    assert preview_and_undo(second) == (0, 0, 2, 0)
    assert list_values() == before


def test_bars_that_a_later_run_withdraws_too_are_skipped_until_it_is_undone(market_db, file):
    file(bars(10))
    before = list_values()
    second = file(restate(bars(10), 3), options=REMOVE)
    third = file(bars(10))
    fourth = file(restate(bars(10), 3), options=REMOVE)
    assert fourth.removed_count == 1

    assert f"for run {fourth.pk} (1)" in refuse_undo(second.pk)

    for later in (fourth, third):
        undo_run(run_id=later.pk)
    assert preview_and_undo(second) == (0, 0, 1, 0)
    assert list_values() == before


def test_bars_of_a_day_that_a_later_run_mapped_to_another_instrument_are_skipped(market_db, file):
    """Restoring them would put a bar of the old instrument among those of the new one."""
    file(daily_bars(2, 3))
    second = file(restate(daily_bars(2, 3), 2, 7), options=REMOVE)
    third = file(daily_bars(3, instrument_id=NEXT, first=100), options=REPLACE)

    assert preview_and_undo(second) == (0, 0, 1, 1)

    assert stored() == exact(np.concatenate((daily_bars(2), daily_bars(3, first=100))))
    undo_run(run_id=third.pk)
    assert preview_and_undo(second) == (0, 0, 1, 0)
    assert stored() == exact(daily_bars(2, 3))


def test_the_run_whose_bars_were_withdrawn_is_undone_first(market_db, file):
    """Their instrument stays known, so that they can be restored, and a note names the run."""
    first = file(daily_bars(2, 3))
    second = file(daily_bars(2), options=REMOVE)
    intervals = list_intervals()

    assert preview_and_undo(first) == (5, 0, 0, 5)
    assert list_intervals() == [(*intervals[0][:2], date(2024, 1, 3), date(2024, 1, 4), first.pk)]

    assert f"Undo run {first.pk} again" in undo(second.pk).out
    assert stored() == exact(daily_bars(3))
    assert [interval[1] for interval in list_intervals()] == [FRONT]
    assert preview_and_undo(first) == (5, 0, 0, 0)
    assert (list_values(), list_intervals()) == ([], [])


def test_replaced_and_withdrawn_bars_of_one_run_are_restored(market_db, file, tmp_path):
    file(daily_bars(2, 3))
    before, intervals = list_values(), list_intervals()
    records = np.concatenate((daily_bars(2)[:3], daily_bars(3, instrument_id=NEXT, first=2)))
    mappings = [(date(2024, 1, 1), date(2024, 1, 3), FRONT), (date(2024, 1, 3), date(2024, 2, 1), NEXT)]
    path = write(tmp_path / "both.dbn", records, mappings={"MNQ.c.0": mappings})
    second = ingest_file(path=path, options=IngestOptions(replace_instrument=True, remove_withdrawn=True)).run
    assert (second.withdrawn_count, second.removed_count) == (2, 4)

    assert preview_and_undo(second)[2:] == (4, 0)

    assert (list_values(), list_intervals()) == (before, intervals)
