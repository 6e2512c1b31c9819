"""Coverage read from the rollup, compared with that computed from the bars in plain Python."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.testing.clocks import ZONES, utc
from config.testing.life import compute_life, create_request, map_range
from config.testing.reference.coverage import DAY, MINUTE, compute_coverage, set_calendar
from config.testing.rollup import at, bar_row, copy_bars, insert_bars
from marketdata.calendars.hours import Hours
from marketdata.coverage import gaps, outside_session
from marketdata.coverage.report import read_coverage

ALL_TIME = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))

# Bombay's days begin and end at half past, and Tokyo has a lunch break.
calendars = st.sampled_from([*ZONES, "BSE", "JPX"])
# An ordinary night, both changes of the clocks in both zones, half days, holidays, and the end of a year.
middles = st.sampled_from(
    [
        utc(text)
        for text in (
            "2024-01-02 14:00", "2024-03-10 08:00", "2024-11-03 06:00", "2025-03-30 01:00", "2024-11-29 18:00",
            "2024-11-28 18:00", "2024-07-03 17:00", "2024-03-29 12:00", "2024-12-24 18:00", "2024-12-31 23:30",
        )
    ]
)  # fmt: skip
# Dense and sparse bars over some days around midnights and opens; the range begins and ends at any second.
minutes = st.one_of(st.integers(-3000, 3000), st.integers(-65, 65), st.integers(540, 660))
offsets = st.one_of(
    st.none(),
    st.builds(lambda minute, second: minute * MINUTE + timedelta(seconds=second), minutes, st.sampled_from([0, 1, 59])),
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    calendar=calendars,
    middle=middles,
    single=st.sets(minutes, max_size=60),
    series_of_minutes=st.lists(st.tuples(minutes, st.integers(1, 1600), st.integers(1, 3)), max_size=4),
    start=offsets,
    end=offsets,
    now=offsets,
    mapped=st.lists(st.tuples(minutes, st.integers(1, 4000)), max_size=3),
    max_gaps=st.sampled_from([1, 3, 10, 1000]),
    block=st.sampled_from([1, 7, 4096]),
    hours=st.sampled_from(Hours),
)
def test_coverage_equals_that_computed_from_the_bars(
    series, calendar, middle, single, series_of_minutes, start, end, now, mapped, max_gaps, block, hours
):  # fmt: skip
    chosen = single.union(*(range(first, first + length, step) for first, length, step in series_of_minutes))
    bars = [middle + minute * MINUTE for minute in sorted(chosen)]
    start, end, now = (offset if offset is None else middle + offset for offset in (start, end, now))
    now = now or middle + 20 * DAY
    with transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(gaps, "MAX_GAPS", max_gaps)
        patch.setattr(gaps, "_HOURS_PER_BLOCK", block)
        patch.setattr(outside_session, "MAX_BARS", max_gaps)
        copy_bars(bar_row(series.symbol, bar, 1) for bar in bars)
        copy_bars([bar_row("another", middle + minute * MINUTE, 1) for minute in range(-100, 100)])
        # A file of each range maps it. One file requests all of this time and maps nothing.
        ranges = sorted((middle + first * MINUTE, middle + (first + length) * MINUTE) for first, length in mapped)
        for one in ranges:
            map_range(series, *one, "MNQ.c.0")
        if ranges:
            create_request(ranges[0][0], ranges[-1][1], "MNQ.c.0")
        found = read_coverage(set_calendar(series, calendar), start=start, end=end, hours=hours, now=now)
        life = compute_life(series, bars, ranges, [(ranges[0][0], ranges[-1][1])]) if ranges and bars else None
        assert found == (compute_coverage(calendar, bars, start, end, now, life, hours) if bars else None)
        transaction.set_rollback(True)


@pytest.mark.parametrize("calendar", list(ZONES))
@pytest.mark.parametrize(
    ("start", "end"),
    [
        ALL_TIME,
        (ALL_TIME[1] - timedelta(seconds=1), ALL_TIME[1]),
        (ALL_TIME[0], ALL_TIME[0] + timedelta(seconds=1)),
        (at(3) + timedelta(seconds=1), at(3) + timedelta(seconds=2)),
        (at(0), at(1)),  # before the first bar, but of its day
        (at(9), at(3)),
    ],
)
def test_a_range_may_extend_to_the_ends_of_time(series, calendar, start, end):
    bars = [at(3), at(9)]
    insert_bars([bar_row(series.symbol, bar, 1) for bar in bars])
    found = read_coverage(set_calendar(series, calendar), start=start, end=end, now=at(5000))
    assert found == compute_coverage(calendar, bars, start, end, at(5000))


def test_it_reads_the_rollup_once(series, django_assert_num_queries):
    insert_bars([bar_row(series.symbol, at(minute), 1) for minute in (0, 9)])
    with django_assert_num_queries(3) as queries:  # the first and last bar, the life, and the hours
        read_coverage(series, start=None, end=None)
    assert sum("market_bars_ohlcv_1h" in query["sql"] for query in queries) == 3  # its ends, archived years, its hours
    assert sum("FROM market_bars_ohlcv_1h" in query["sql"] and "minutes" in query["sql"] for query in queries) == 1
