"""An undo restores the intervals that the run replaced, and removes those that no bar needs."""

from datetime import date

from config.testing.builders import FRONT, exact, stored
from config.testing.undo import NEXT, REPLACE, daily_bars, list_bars, list_intervals, preview_and_undo
from ingestion.undo.pipeline import undo_run
from marketdata.models import Bar, SeriesInstrument


def test_a_replaced_instrument_is_restored(market_db, file):
    first = file(daily_bars(2, 3, 4))
    before, intervals_before = stored(), list_intervals()
    second = file(daily_bars(3, instrument_id=NEXT, first=3), options=REPLACE)

    assert preview_and_undo(second) == (3, 0, 3, 0)

    assert (stored(), list_intervals()) == (before, intervals_before)
    assert not SeriesInstrument.objects.exclude(replaced_by=None).exists()
    again = file(daily_bars(2, 3, 4))
    assert (again.updated_count, again.changed_count) == (15, 0)
    assert set(Bar.objects.values_list("ingestion_run", flat=True)) == {first.pk}


def test_bars_with_the_same_values_do_not_hide_that_the_instrument_was_replaced(market_db, file):
    file(daily_bars(2, 3))
    before = list_bars(), list_intervals()
    second = file(daily_bars(3, instrument_id=NEXT), options=REPLACE)
    assert second.changed_count == 0
    assert (list_bars(), list_intervals()) != before
    assert preview_and_undo(second) == (0, 0, 0, 0)
    assert (list_bars(), list_intervals()) == before


def test_replacing_back_and_forth_is_undone_in_turn(market_db, file):
    states, runs = [], []
    for records in (
        daily_bars(2, 3, 4),
        daily_bars(3, 4, instrument_id=NEXT, first=2),
        daily_bars(4, first=1),
        daily_bars(3, instrument_id=7),
    ):
        states.append((stored(), list_intervals()))
        runs.append(file(records, options=REPLACE))
    for run, state in zip(reversed(runs), reversed(states), strict=True):
        undo_run(run_id=run.pk)
        assert (stored(), list_intervals()) == state


def test_a_day_on_which_a_later_run_wrote_keeps_its_instrument(market_db, file):
    file(daily_bars(2, 3, 4))
    second = file(daily_bars(3, 4, instrument_id=NEXT, first=3), options=REPLACE)
    third = file(daily_bars(4, instrument_id=NEXT, first=10))

    assert preview_and_undo(second) == (3, 0, 3, 6)

    mapped = {(interval[1], interval[2]) for interval in list_intervals()}
    assert (NEXT, date(2024, 1, 4)) in mapped
    assert (NEXT, date(2024, 1, 3)) not in mapped
    assert {ts.minute for ts in stored() if ts.day == 4} == {3, 4, 5, 6, 7, 10, 11, 12, 13, 14}
    undo_run(run_id=third.pk)
    undo_run(run_id=second.pk)
    assert stored() == exact(daily_bars(2, 3, 4))
    assert [interval[1:4] for interval in list_intervals()] == [(FRONT, date(2024, 1, 2), date(2024, 1, 5))]
