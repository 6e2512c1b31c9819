"""The ledger's masks as arrays, against sets of minutes."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from marketdata.rollup.minute_masks import MinuteMasks

# Minutes since 1970, some before it: stretches and single ones over some hours, and their edges.
minutes = st.integers(-130, 400)
held_minutes = st.lists(st.tuples(minutes, st.integers(1, 150)), min_size=1, max_size=6).map(
    lambda date_ranges: sorted({minute for first, length in date_ranges for minute in range(first, first + length)})
)


def find_regular_hours(held: list[int]) -> MinuteMasks:
    masks: dict[int, int] = {}
    for minute in held:
        hour = minute // 60 * 60
        masks[hour] = masks.get(hour, 0) | 1 << minute - hour
    return MinuteMasks(np.array(list(masks), np.int64), np.array(list(masks.values()), np.int64))


def minutes_of(hours: MinuteMasks) -> list[int]:
    pairs = zip(hours.start.tolist(), hours.minutes.tolist(), strict=True)
    return [start + minute for start, mask in pairs for minute in range(60) if mask >> minute & 1]


@settings(max_examples=300)
@given(held_minutes, st.lists(minutes, min_size=1))
def test_minutes_around_moments(held, moments):
    hours = find_regular_hours(held)
    assert hours.before(np.array(moments)).tolist() == [sum(minute < moment for minute in held) for moment in moments]
    followed = [moment for moment in moments if moment <= held[-1]]
    assert hours.first_from(np.array(followed, np.int64)).tolist() == [
        min(minute for minute in held if minute >= moment) for moment in followed
    ]
    preceded = [moment for moment in moments if moment > held[0]]
    assert hours.last_before(np.array(preceded, np.int64)).tolist() == [
        max(minute for minute in held if minute < moment) for moment in preceded
    ]


@settings(max_examples=300)
@example([59, 60], 59, 60)  # an hour's last minute, and its first
@example([59, 60], 60, 61)
@given(held_minutes, minutes, minutes)
def test_a_part_of_them(held, first, stop):
    part = find_regular_hours(held).between(first, stop)
    assert minutes_of(part) == [minute for minute in held if first <= minute < stop]
    assert part.minutes.all()


@given(held_minutes)
def test_where_runs_begin(held):
    assert minutes_of(find_regular_hours(held).runs) == [minute for minute in held if minute - 1 not in held]
