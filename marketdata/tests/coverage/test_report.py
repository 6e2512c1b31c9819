"""Coverage out of the ledger against the same out of the bars in plain Python, minute by minute: slow and obvious."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.testing.clocks import CME, NYSE, ZONES, utc
from config.testing.hours import at, bar_row, copy_bars, insert_bars
from marketdata.calendars.trading_days import find_trading_days
from marketdata.coverage import gaps
from marketdata.coverage.days import DayCoverage
from marketdata.coverage.gaps import Gap, Gaps
from marketdata.coverage.report import DEFAULT_COVERAGE, Coverage, series_coverage
from marketdata.models import Series

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ALL_TIME = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
LATER = datetime(2026, 6, 1, 12, tzinfo=UTC)


def minutes_of(start: datetime, end: datetime) -> list[datetime]:
    return [start + number * MINUTE for number in range((end - start) // MINUTE)]


def slow_day(day, bars: list[datetime], opened: set[datetime], now: datetime) -> DayCoverage:
    held = [bar for bar in bars if day.start <= bar < day.end]
    expected = [minute for minute in minutes_of(day.start, day.end) if minute in opened]
    past = [minute for minute in expected if minute + MINUTE <= now or any(bar >= minute for bar in held[-1:])]
    return DayCoverage(
        day=day.date,
        start=day.start,
        end=day.end,
        ts=day.ts,
        bars=len(held),
        open_bars=len(opened.intersection(held)),
        expected=len(expected),
        expected_by_now=len(past),
        forming=day.end > now,
        first=held[0] if held else None,
        last=held[-1] if held else None,
        gaps=sum(after - before > MINUTE for before, after in pairwise(held)),
    )


def slow_gaps(calendar: str, bars: list[datetime], opened: set[datetime]) -> Gaps:
    found = []
    for after, before in pairwise(bars):
        missing = minutes_of(after + MINUTE, before)
        if missing:
            found.append(Gap(after, before, len(opened.intersection(missing)) if calendar else None))
    of_open = sorted((gap for gap in found if gap.open_minutes), key=lambda gap: (-gap.open_minutes, -gap.minutes))
    of_closed = sorted((gap for gap in found if not gap.open_minutes), key=lambda gap: -gap.minutes)
    longest = of_open[: gaps.MAX_GAPS] + of_closed[: gaps.MAX_GAPS]
    return Gaps(len(found), len(of_open) if calendar else None, sorted(longest, key=lambda gap: gap.after))


def slow_coverage(
    calendar: str, bars: list[datetime], start: datetime | None, end: datetime | None, now: datetime
) -> Coverage:
    """What `series_coverage` should say of bars in time order."""
    end = end or bars[-1] + MINUTE
    start = start or max(bars[0], end - DEFAULT_COVERAGE)
    around = find_trading_days(calendar, min(bars[0], now) - 9 * DAY, max(bars[-1], now) + 9 * DAY)
    stop = min(end, max(bars[-1] + MINUTE, now))
    days = [day for day in around if day.end > max(start, bars[0]) and day.start < stop and start < end]
    opened = {minute for day in days for span in day.spans for minute in minutes_of(*span)}
    found = [slow_day(day, bars, opened, now) for day in days]
    listed = [day for day in found if day.bars or day.expected]
    counts = sorted(day.bars for day in listed if day.bars and not day.forming)
    usual = None if calendar or len(counts) < 5 else int(median(counts[len(counts) // 2 :]))
    inside = [bar for bar in bars if start <= bar < end]
    return Coverage(start, max(start, end), listed, usual, slow_gaps(calendar, inside, opened))


@pytest.fixture
def series(two_runs):
    return Series.objects.get(slug="mnq")


def with_calendar(series: Series, calendar: str) -> Series:
    series.calendar = calendar
    return series


# Bombay's days begin and end at half past, and Tokyo has a lunch break.
calendars = st.sampled_from([*ZONES, "BSE", "JPX"])
# Around which minutes: an ordinary night, both changes of the clock in both zones, half days, holidays, years' ends.
middles = st.sampled_from(
    [
        utc(text)
        for text in (
            "2024-01-02 14:00", "2024-03-10 08:00", "2024-11-03 06:00", "2025-03-30 01:00", "2024-11-29 18:00",
            "2024-11-28 18:00", "2024-07-03 17:00", "2024-03-29 12:00", "2024-12-24 18:00", "2024-12-31 23:30",
        )
    ]
)  # fmt: skip
# Dense and sparse stretches over some days around midnights and opens; times of the range at any second.
minutes = st.one_of(st.integers(-3000, 3000), st.integers(-65, 65), st.integers(540, 660))
offsets = st.one_of(
    st.none(),
    st.builds(lambda minute, second: minute * MINUTE + timedelta(seconds=second), minutes, st.sampled_from([0, 1, 59])),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    calendar=calendars,
    middle=middles,
    single=st.sets(minutes, max_size=60),
    date_ranges=st.lists(st.tuples(minutes, st.integers(1, 1600), st.integers(1, 3)), max_size=4),
    start=offsets,
    end=offsets,
    now=offsets,
    most=st.sampled_from([1, 3, 10, 1000]),
    block=st.sampled_from([1, 7, 4096]),
)
def test_it_is_what_the_bars_say(
    series, calendar, middle, single, date_ranges, start, end, now, most, block
):  # fmt: skip
    held = single.union(*(range(first, first + length, step) for first, length, step in date_ranges))
    bars = [middle + minute * MINUTE for minute in sorted(held)]
    start, end, now = (offset if offset is None else middle + offset for offset in (start, end, now))
    now = now or middle + 20 * DAY
    with transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(gaps, "MAX_GAPS", most)
        patch.setattr(gaps, "_HOURS_AT_A_TIME", block)
        copy_bars(bar_row(series.symbol, bar, 1) for bar in bars)
        copy_bars([bar_row("another", middle + minute * MINUTE, 1) for minute in range(-100, 100)])
        found = series_coverage(with_calendar(series, calendar), start=start, end=end, now=now)
        assert found == (slow_coverage(calendar, bars, start, end, now) if bars else None)
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
def test_the_ends_of_time_are_no_error(series, calendar, start, end):
    bars = [at(3), at(9)]
    insert_bars([bar_row(series.symbol, bar, 1) for bar in bars])
    found = series_coverage(with_calendar(series, calendar), start=start, end=end, now=at(5000))
    assert found == slow_coverage(calendar, bars, start, end, at(5000))


def test_the_longest_gaps_are_named_and_all_are_counted(series):
    """Every other minute of three days is missing, and two hours: more gaps than are named."""
    bars = [at(minute) for minute in range(0, 4320, 2) if not 2000 <= minute < 2120]
    copy_bars(bar_row(series.symbol, bar, 1) for bar in bars)
    found = series_coverage(with_calendar(series, ""), start=None, end=None, now=LATER)
    assert found == slow_coverage("", bars, None, None, LATER)
    assert (found.gaps.count, len(found.gaps.longest)) == (2099, 1000)
    assert Gap(at(1998), at(2120), None) in found.gaps.longest


def test_a_hole_is_named_however_many_nights_are_longer(series, monkeypatch):
    """Ten minutes on a Wednesday of sixty weeks; of each kind ten gaps are named."""
    monkeypatch.setattr(gaps, "MAX_GAPS", 10)
    weeks = find_trading_days(CME, utc("2024-01-07"), utc("2025-03-01"))
    bars = [minute for day in weeks for span in day.spans for minute in minutes_of(*span)]
    hole = utc("2024-06-12 15:00")
    copy_bars(bar_row(series.symbol, bar, 1) for bar in bars if not hole <= bar < hole + 10 * MINUTE)
    found = series_coverage(with_calendar(series, CME), start=bars[0], end=None, now=LATER).gaps
    assert found.open_count == 1
    assert [gap for gap in found.longest if gap.open_minutes] == [Gap(hole - MINUTE, hole + 10 * MINUTE, 10)]
    assert len(found.longest) == 11
    assert found.count > 250


def test_it_reads_the_ledger_once(series, django_assert_num_queries):
    insert_bars([bar_row(series.symbol, at(minute), 1) for minute in (0, 9)])
    with django_assert_num_queries(2) as queries:  # where the bars end, and the hours
        series_coverage(series, start=None, end=None)
    assert sum("market_bars_ohlcv_1h" in query["sql"] for query in queries) == 1


# --- By the exchanges' own clocks, without asking which sessions there are --------------------------------------------


def clock_minutes(first: str, last: str, zone, is_open) -> list[datetime]:
    """The minutes from one date to another, inclusive, that are open by a wall clock."""
    start, end = utc(f"{first} 00:00", zone), utc(f"{last} 00:00", zone) + DAY
    return [minute for minute in minutes_of(start, end) if is_open(minute.astimezone(zone))]


def globex(clock: datetime) -> bool:
    evening, day = clock.hour >= 17, clock.hour < 16
    return (evening and clock.weekday() in (6, 0, 1, 2, 3)) or (day and clock.weekday() < 5)


@pytest.mark.parametrize(("first", "last"), [("2025-03-02", "2025-03-21"), ("2025-10-26", "2025-11-14")])
def test_complete_weeks_in_which_clocks_change_are_complete(series, first, last):
    bars = clock_minutes(first, last, ZONES[CME], globex)
    copy_bars(bar_row(series.symbol, bar, 1) for bar in bars)
    found = series_coverage(with_calendar(series, CME), start=None, end=None, now=LATER)
    assert [day.day.weekday() for day in found.days] == [0, 1, 2, 3, 4] * 3
    assert {(day.bars, day.open_bars, day.expected, day.expected_by_now) for day in found.days} == {(1380,) * 4}
    assert (found.gaps.count, found.gaps.open_count) == (14, 0)


def test_what_trades_before_and_after_hours_is_told_apart(series):
    """New York around the third of July 2025, which ends at 13:00; the fourth is a holiday."""

    def regular(clock: datetime) -> bool:
        return clock.day != 4 and (9, 30) <= (clock.hour, clock.minute) < (13 if clock.day == 3 else 16, 0)

    bars = clock_minutes("2025-07-02", "2025-07-03", ZONES[NYSE], regular)
    evening = utc("2025-07-03 00:05")  # still the second in New York
    copy_bars(bar_row(series.symbol, bar, 1) for bar in [*bars, evening])
    found = series_coverage(with_calendar(series, NYSE), start=None, end=utc("2025-07-08"), now=LATER)
    assert [(day.day.day, day.bars, day.open_bars, day.expected) for day in found.days] == [
        (2, 391, 390, 390),
        (3, 210, 210, 210),
        (7, 0, 0, 390),
    ]
    assert (found.days[2].first, found.days[2].gaps) == (None, 0)
    assert found.days[2].start.day == 4  # the holiday and the weekend belong to it,
    assert found.days[2].ts == utc("2025-07-07 04:00")  # and its candle is Monday's


def test_a_day_that_is_not_over_is_held_against_the_minutes_so_far(series):
    """Half an hour past the open; and the minute that runs, once it has a bar."""
    opened = utc("2025-07-15 17:00", ZONES[CME])
    now = opened + timedelta(minutes=30, seconds=20)
    copy_bars(bar_row(series.symbol, bar, 1) for bar in minutes_of(opened, opened + 10 * MINUTE))
    day = series_coverage(with_calendar(series, CME), start=None, end=None, now=now).days[-1]
    assert (day.forming, day.open_bars, day.expected_by_now, day.expected) == (True, 10, 30, 1380)
    copy_bars([bar_row(series.symbol, opened + 30 * MINUTE, 1)])
    day = series_coverage(with_calendar(series, CME), start=None, end=None, now=now).days[-1]
    assert (day.open_bars, day.expected_by_now) == (11, 31)


def test_of_a_month_without_sessions_only_days_with_bars_are_known(series):
    """The New York exchange was closed from August to November 1914."""
    bars = [utc("1914-09-14 15:00"), utc("1914-09-16 15:00")]
    insert_bars([bar_row(series.symbol, bar, 1) for bar in bars])
    found = series_coverage(with_calendar(series, NYSE), start=None, end=None, now=LATER)
    assert [(day.day.day, day.bars, day.open_bars, day.expected) for day in found.days] == [
        (14, 1, 0, 0),
        (16, 1, 0, 0),
    ]
    assert [gap.open_minutes for gap in found.gaps.longest] == [0]


@pytest.mark.parametrize(
    ("counts", "usual"),
    [([1], None), ([9, 9, 9, 9], None), ([10, 50, 30, 40, 20], 40), ([10, 50, 30, 40, 20, 60], 50), ([5] * 5, 5)],
)
def test_what_is_usual_without_a_calendar(series, counts, usual):
    """The day that runs, with seven bars, is left out."""
    days = [number for number, count in enumerate(counts) for _ in range(count)]
    copy_bars(bar_row(series.symbol, at(day * 1440 + place), 1) for place, day in enumerate(days))
    copy_bars(bar_row(series.symbol, at(len(counts) * 1440 + minute), 1) for minute in range(7))
    found = series_coverage(with_calendar(series, ""), start=None, end=None, now=at(len(counts) * 1440 + 30))
    assert [day.bars for day in found.days] == [*counts, 7]
    assert found.usual_bars == usual
