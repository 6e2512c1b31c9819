"""Dates that a later run wrote or mapped to another instrument are skipped."""

from datetime import date

from django.db import connection

from config.testing.builders import bars, exact, stored
from config.testing.undo import NEXT, REPLACE, change_volume, daily_bars, list_bars, list_intervals, preview_and_undo
from ingestion.undo.days import DateRange, UndoDays, classify_days, convert_to_arrays, join_days
from ingestion.undo.pipeline import undo_run
from marketdata.models import IngestRun

MNQ = "CME_MINI:MNQ1!"
SECOND, THIRD, FOURTH, FIFTH = (date(2024, 1, day) for day in (2, 3, 4, 5))


def classify(run: IngestRun) -> UndoDays:
    with connection.cursor() as cursor:
        return classify_days(cursor, run)


def test_consecutive_days_of_one_series_and_later_run_are_joined():
    days = [(("A", SECOND), None), (("A", THIRD), None), (("A", FOURTH), 7), (("B", THIRD), None), (("A", FIFTH), None)]
    assert join_days(days) == [
        DateRange("A", SECOND, FOURTH),
        DateRange("A", FIFTH, date(2024, 1, 6)),
        DateRange("A", FOURTH, FIFTH, later_run_id=7),
        DateRange("B", THIRD, FOURTH),
    ]
    assert join_days([]) == []


def test_a_range_lists_its_days_without_the_end():
    assert DateRange("A", SECOND, FOURTH).list_days() == [("A", SECOND), ("A", THIRD)]


def test_ranges_become_arrays():
    assert convert_to_arrays([DateRange("A", SECOND, THIRD), DateRange("B", THIRD, FIFTH, later_run_id=7)]) == {
        "symbols": ["A", "B"],
        "starts": [SECOND, THIRD],
        "ends": [THIRD, FIFTH],
        "later_run_ids": [None, 7],
    }


def test_a_run_without_later_ones_skips_no_day(market_db, file):
    first = file(daily_bars(2, 3))
    assert classify(first) == UndoDays(skipped=[], restored=[], not_restored=[])


def test_days_on_which_a_run_replaced_an_instrument_are_restored_unless_a_later_run_wrote_there(market_db, file):
    file(daily_bars(2, 3, 4))
    second = file(daily_bars(3, 4, instrument_id=NEXT, first=3), options=REPLACE)
    assert classify(second) == UndoDays(skipped=[], restored=[DateRange(MNQ, THIRD, FIFTH)], not_restored=[])
    third = file(daily_bars(4, instrument_id=NEXT, first=10))
    skipped = [DateRange(MNQ, FOURTH, FIFTH, later_run_id=third.pk)]
    assert classify(second) == UndoDays(skipped, restored=[DateRange(MNQ, THIRD, FOURTH)], not_restored=skipped)


def test_days_that_a_later_run_mapped_to_another_instrument_are_skipped(market_db, file):
    """Old values of one contract must not return between the bars of another."""
    file(daily_bars(2, 3))
    second = file(change_volume(daily_bars(2, 3), 0, 6))
    replacing = change_volume(daily_bars(2, 3), 0, 6)[5:].copy()
    replacing["instrument_id"] = NEXT
    third = file(replacing, options=REPLACE)
    before = list_bars()

    assert preview_and_undo(second) == (0, 1, 0, 1)

    assert list_bars()[5:] == before[5:]
    assert [interval[1:4] for interval in list_intervals()][1:] == [(NEXT, THIRD, FOURTH)]
    undo_run(run_id=third.pk)
    assert preview_and_undo(second) == (0, 1, 0, 0)
    assert stored() == exact(daily_bars(2, 3))


def test_bars_of_no_replaced_day_that_a_later_run_adds_skip_nothing(market_db, file):
    first = file(bars(5))
    file(bars(5, first=10))
    assert classify(first).skipped == []
