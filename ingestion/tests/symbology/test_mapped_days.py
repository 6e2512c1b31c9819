"""The dates that a file maps, in every shape that intervals can have."""

from datetime import date

import numpy as np
import pytest

from config.testing.builders import FRONT, at, bars, exact, ingest, refuse, stored, write
from config.testing.contracts import NEXT, january, list_intervals, minutes
from ingestion.dbn.metadata import MappedInterval
from ingestion.options import IngestOptions
from ingestion.pipeline import ingest_file
from ingestion.symbology.mapped_days import MappedDays, intersect_spans, join_spans, subtract_spans

FEBRUARY = date(2024, 2, 1)
OTHER = NEXT + 1  # an instrument that never trades


def write_mapped(path, *intervals, records=None, **changes):
    """A file of MNQ.c.0 with these intervals (start, end, instrument); by default with bars of 2 and 4 January."""
    if records is None:
        records = np.concatenate((minutes(600, 5, day=2), minutes(600, 5, day=4)))
    return write(path, records, mappings={"MNQ.c.0": list(intervals)}, **changes)


# Intervals with which bars of FRONT on 2 and 4 January are loaded, and the dates of FRONT that are then recorded.
WORKING = {
    "one interval": ([(january(1), FEBRUARY, FRONT)], [(2, 5)]),
    "single days, adjacent": ([(january(day), january(day + 1), FRONT) for day in (2, 3, 4)], [(2, 5)]),
    "a hole on the day between": ([(january(day), january(day + 1), FRONT) for day in (2, 4)], [(2, 3), (4, 5)]),
    "another instrument on the day between": (
        [(january(2), january(3), FRONT), (january(3), january(4), NEXT), (january(4), january(5), FRONT)],
        [(2, 3), (4, 5)],
    ),
    "zero length, of another instrument": (
        [(january(1), FEBRUARY, FRONT), (january(3), january(3), NEXT), (january(2), january(2), NEXT)],
        [(2, 5)],
    ),
    "overlapping, the same instrument": ([(january(1), january(4), FRONT), (january(3), FEBRUARY, FRONT)], [(2, 5)]),
    "nested, the same instrument": ([(january(1), FEBRUARY, FRONT), (january(3), january(4), FRONT)], [(2, 5)]),
    "twice": ([(january(2), january(5), FRONT)] * 2, [(2, 5)]),
    "unsorted": (
        [(january(4), FEBRUARY, FRONT), (january(2), january(3), FRONT), (january(3), january(4), FRONT)],
        [(2, 5)],
    ),
    "an instrument that never trades": ([(january(1), january(5), FRONT), (january(5), FEBRUARY, OTHER)], [(2, 5)]),
    "a start after the last bar": ([(january(2), january(5), FRONT), (january(20), FEBRUARY, OTHER)], [(2, 5)]),
    "outside the file's range": (
        [(january(2), january(5), FRONT), (date(2030, 1, 1), date(2031, 1, 1), OTHER)],
        [(2, 5)],
    ),
    "years 1 to 9999": ([(date(1, 1, 1), date(9999, 12, 31), FRONT)], [(2, 5)]),
    "far before and after": (
        [(date(1, 1, 1), january(2), OTHER), (january(2), january(5), FRONT), (january(5), date(9999, 12, 31), OTHER)],
        [(2, 5)],
    ),
}


@pytest.mark.parametrize("shape", WORKING)
def test_a_file_with_such_intervals_is_loaded(market_db, tmp_path, shape):
    intervals, expected = WORKING[shape]
    path = write_mapped(tmp_path / "mnq.dbn", *intervals)

    ingest(path)

    assert len(stored()) == 10
    assert [interval[:3] for interval in list_intervals()] == [
        (FRONT, january(first), january(end)) for first, end in expected
    ]
    assert ingest(path, json=True).json["files"][0]["identical"] == 10


# Intervals with which the same file is refused, and a part of the message.
REFUSED = {
    "inverted": (
        [(january(1), FEBRUARY, FRONT), (january(5), january(3), NEXT)],
        "from 2024-01-05 to 2024-01-03, which ends",
    ),
    "two instruments on one day": (
        [(january(1), january(4), FRONT), (january(3), FEBRUARY, NEXT)],
        f"to instruments {FRONT} and {NEXT} on 2024-01-03",
    ),
    "two instruments, a shorter interval of the first between": (
        [(january(1), FEBRUARY, FRONT), (january(2), january(3), FRONT), (january(10), january(12), NEXT)],
        f"to instruments {FRONT} and {NEXT} on 2024-01-10",
    ),
    "two instruments, the second within the first": (
        [(january(1), FEBRUARY, FRONT), (january(7), january(8), NEXT), (january(9), january(10), FRONT)],
        f"to instruments {FRONT} and {NEXT} on 2024-01-07",
    ),
    "only zero length": ([(january(2), january(2), FRONT)], f"row 1: instrument {FRONT} has no symbol on 2024-01-02"),
    "an end on the bar's own day": (
        [(january(1), january(4), FRONT)],
        f"row 6: instrument {FRONT} has no symbol on 2024-01-04",
    ),
}


@pytest.mark.parametrize("shape", REFUSED)
def test_a_file_whose_intervals_contradict_it_is_refused(market_db, tmp_path, shape):
    intervals, message = REFUSED[shape]
    path = write_mapped(tmp_path / "mnq.dbn", *intervals)
    assert message in refuse(path)
    ingest(path, symbol="MINE")
    assert len(stored("MINE")) == 10


def test_a_mapping_that_ends_at_midnight_does_not_include_the_bar_of_midnight(market_db, tmp_path):
    intervals = [(january(1), january(3), FRONT)]
    ingest(write_mapped(tmp_path / "before.dbn", *intervals, records=minutes(1439, 1, day=2)))
    message = refuse(write_mapped(tmp_path / "after.dbn", *intervals, records=minutes(0, 1, day=3)))
    assert "has no symbol on 2024-01-03" in message


def test_a_file_of_a_day_that_another_file_maps_to_another_instrument_is_loaded(market_db, tmp_path):
    """A thin share has the number FRONT on Tuesday and Thursday, and NEXT on Wednesday, without a bar then."""
    week = [(january(2), january(3), FRONT), (january(3), january(4), NEXT), (january(4), january(5), FRONT)]
    ingest(write_mapped(tmp_path / "week.dbn", *week))

    ingest(write_mapped(tmp_path / "3.dbn", week[1], records=minutes(600, 5, day=3, instrument_id=NEXT)))

    assert [interval[:3] for interval in list_intervals()] == [
        (FRONT, january(2), january(3)),
        (NEXT, january(3), january(4)),
        (FRONT, january(4), january(5)),
    ]


def test_the_mappings_decide_for_a_series_given_by_symbol_too(market_db, tmp_path):
    week = [(january(2), january(3), FRONT), (january(3), january(4), NEXT), (january(4), january(5), FRONT)]
    run = ingest_file(path=write_mapped(tmp_path / "week.dbn", *week), options=IngestOptions(symbol="MINE")).run
    assert list_intervals("MINE") == [
        (FRONT, january(2), january(3), run.pk),
        (FRONT, january(4), january(5), run.pk),
    ]


def test_a_file_without_mappings_states_nothing_about_days_without_bars(market_db, tmp_path):
    records = np.concatenate((minutes(600, 5, day=2), minutes(600, 5, day=4)))
    run = ingest_file(path=write(tmp_path / "mnq.dbn", records, mappings={})).run
    assert list_intervals() == [(FRONT, january(2), january(5), run.pk)]


def test_days_of_a_number_that_another_symbol_has_are_not_filled_in(market_db, tmp_path):
    mappings = {
        "A": [(january(2), january(3), 1), (january(4), january(5), 1)],
        "B": [(january(3), january(4), 1), (january(5), FEBRUARY, 1)],
    }
    records = np.concatenate([minutes(600, 3, day=day, instrument_id=1) for day in (2, 4)])
    ingest(write(tmp_path / "ab.dbn", records, mappings=mappings, symbols=("A", "B"), stype_in="raw_symbol"))

    assert stored("A") == exact(records)
    assert [interval[1:3] for interval in list_intervals("A")] == [(january(2), january(3)), (january(4), january(5))]
    assert list_intervals("B") == []


def test_a_symbol_mapped_on_no_day_does_not_make_a_file_one_of_several_symbols(market_db, tmp_path):
    mappings = {"MNQ.c.0": [(january(1), FEBRUARY, FRONT)], "MNQ.c.1": [(january(2), january(2), NEXT)]}
    ingest(write(tmp_path / "mnq.dbn", bars(3), mappings=mappings, start=at(0)))
    assert len(stored("CME_MINI:MNQ1!")) == 3


def test_days_between_are_those_that_the_file_maps():
    days = MappedDays(
        [
            MappedInterval("A", 1, january(1), january(3)),
            MappedInterval("A", 1, january(3), january(4)),
            MappedInterval("A", 1, january(6), january(6)),
            MappedInterval("A", 1, january(7), FEBRUARY),
            MappedInterval("B", 1, january(5), january(6)),
        ]
    )
    assert days.find_days_between(1, (january(1), january(2)), january(9)) == [
        (january(2), january(4)),
        (january(7), january(9)),
    ]
    assert days.find_days_between(2, (january(1), january(2)), january(9)) == [(january(2), january(9))]


def test_spans_are_sets_of_dates():
    spans = [(january(5), january(7)), (january(1), january(3)), (january(3), january(4)), (january(9), january(9))]
    assert join_spans(spans) == [(january(1), january(4)), (january(5), january(7))]
    assert intersect_spans(spans, [(january(2), january(6))]) == [
        (january(5), january(6)),
        (january(2), january(3)),
        (january(3), january(4)),
    ]
    assert subtract_spans(spans, [(january(2), january(6)), (january(8), january(9))]) == [
        (january(1), january(2)),
        (january(6), january(7)),
    ]
