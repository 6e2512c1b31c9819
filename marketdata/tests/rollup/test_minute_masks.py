"""Minute masks as arrays, compared with sets of minutes."""

from datetime import timedelta

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.testing.rollup import EPOCH, at, bar_row, insert_bars
from marketdata.rollup.minute_masks import MinuteMasks, datetime_to_minute, minute_to_datetime, read_minute_masks

# Minutes around 1970, some before it: ranges and single minutes of a few hours, and their edges.
minutes = st.integers(-130, 400)
marked_minutes = st.lists(st.tuples(minutes, st.integers(1, 150)), min_size=1, max_size=6).map(
    lambda ranges: sorted({minute for first, length in ranges for minute in range(first, first + length)})
)


def make_masks(marked: list[int]) -> MinuteMasks:
    mask_by_hour: dict[int, int] = {}
    for minute in marked:
        hour = minute // 60 * 60
        mask_by_hour[hour] = mask_by_hour.get(hour, 0) | 1 << minute - hour
    return MinuteMasks(np.array(list(mask_by_hour), np.int64), np.array(list(mask_by_hour.values()), np.int64))


def list_minutes(masks: MinuteMasks) -> list[int]:
    pairs = zip(masks.start.tolist(), masks.minutes.tolist(), strict=True)
    return [start + minute for start, mask in pairs for minute in range(60) if mask >> minute & 1]


@settings(max_examples=300)
@given(marked_minutes, st.lists(minutes, min_size=1))
def test_minutes_are_found_before_and_after_moments(marked, moments):
    masks = make_masks(marked)
    assert masks.count_before(np.array(moments)).tolist() == [
        sum(minute < moment for minute in marked) for moment in moments
    ]
    followed = [moment for moment in moments if moment <= marked[-1]]
    assert masks.find_first_from(np.array(followed, np.int64)).tolist() == [
        min(minute for minute in marked if minute >= moment) for moment in followed
    ]
    preceded = [moment for moment in moments if moment > marked[0]]
    assert masks.find_last_before(np.array(preceded, np.int64)).tolist() == [
        max(minute for minute in marked if minute < moment) for moment in preceded
    ]


@settings(max_examples=300)
@example([59, 60], 59, 60)  # an hour's last minute, and its first
@example([59, 60], 60, 61)
@given(marked_minutes, minutes, minutes)
def test_a_clipped_mask_has_only_the_minutes_of_the_range(marked, first, stop):
    part = make_masks(marked).clip(first, stop)
    assert list_minutes(part) == [minute for minute in marked if first <= minute < stop]
    assert part.minutes.all()


@given(marked_minutes)
def test_starts_of_unbroken_minutes_are_found(marked):
    assert list_minutes(make_masks(marked).run_starts) == [minute for minute in marked if minute - 1 not in marked]


def test_masks_of_a_range_are_read(two_runs):
    insert_bars([bar_row(symbol, at(minute), 3) for symbol in ("A", "B") for minute in (-1, 0, 59, 60, 130)])
    masks = read_minute_masks("A", at(0), at(60) + timedelta(seconds=1))
    assert [minute_to_datetime(minute) for minute in list_minutes(masks)] == [at(0), at(59), at(60)]
    assert len(read_minute_masks("A", at(60), at(60)).start) == 0


@given(st.integers(-(10**15), 10**16).map(lambda number: EPOCH + timedelta(microseconds=number)))
def test_the_number_of_a_moment_is_that_of_the_next_minute(moment):
    started = minute_to_datetime(datetime_to_minute(moment))
    assert moment <= started < moment + timedelta(minutes=1)
