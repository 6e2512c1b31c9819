"""Trading days and their bars, by the exchanges' own clocks, without the calendar."""

from datetime import datetime, timedelta

import pytest

from config.testing.clocks import CME, NYSE, ZONES, utc
from config.testing.life import map_range
from config.testing.reference.coverage import DAY, LATER, MINUTE, list_minutes, list_minutes_by_clock, set_calendar
from config.testing.rollup import at, bar_row, copy_bars, insert_bars
from marketdata.calendars.hours import Hours
from marketdata.coverage.outside_session import OutsideSession
from marketdata.coverage.report import read_coverage


def is_globex_open(clock: datetime) -> bool:
    """Whether CME is open at this time in Chicago, in a week without holidays."""
    evening, day = clock.hour >= 17, clock.hour < 16
    return (evening and clock.weekday() in (6, 0, 1, 2, 3)) or (day and clock.weekday() < 5)


@pytest.mark.parametrize(("first", "last"), [("2025-03-02", "2025-03-21"), ("2025-10-26", "2025-11-14")])
def test_complete_weeks_with_a_change_of_clocks_are_complete(series, first, last):
    bars = list_minutes_by_clock(first, last, ZONES[CME], is_globex_open)
    copy_bars(bar_row(series.symbol, bar, 1) for bar in bars)
    found = read_coverage(set_calendar(series, CME), start=None, end=None, now=LATER)
    assert [day.day.weekday() for day in found.days] == [0, 1, 2, 3, 4] * 3
    assert {(day.bars, day.open_bars, day.expected, day.expected_by_now) for day in found.days} == {(1380,) * 4}
    assert (found.gaps.count, found.gaps.open_count) == (14, 0)


def test_bars_before_and_after_hours_are_not_open_bars(series):
    """New York around the third of July 2025, which ends at 13:00; the fourth is a holiday."""

    def is_open(clock: datetime) -> bool:
        return clock.day != 4 and (9, 30) <= (clock.hour, clock.minute) < (13 if clock.day == 3 else 16, 0)

    bars = list_minutes_by_clock("2025-07-02", "2025-07-03", ZONES[NYSE], is_open)
    evening = utc("2025-07-03 00:05")  # still the second in New York
    copy_bars(bar_row(series.symbol, bar, 1) for bar in [*bars, evening])
    map_range(series, utc("2025-07-02"), utc("2025-07-09"))
    found = read_coverage(set_calendar(series, NYSE), start=None, end=utc("2025-07-08"), now=LATER)
    assert [(day.day.day, day.bars, day.open_bars, day.outside_session, day.expected) for day in found.days] == [
        (2, 391, 390, 1, 390),
        (3, 210, 210, 0, 210),
        (7, 0, 0, 0, 390),
    ]
    assert found.outside_session == OutsideSession(1, [evening])
    assert (found.days[2].first, found.days[2].gaps) == (None, 0)
    assert found.days[2].start.day == 4  # it includes the holiday and the weekend,
    assert found.days[2].ts == utc("2025-07-07 04:00")  # and its candle is Monday's


def test_a_day_that_is_not_over_expects_the_minutes_so_far(series):
    """Half an hour after the open; and the current minute, once it has a bar."""
    opened = utc("2025-07-15 17:00", ZONES[CME])
    now = opened + timedelta(minutes=30, seconds=20)
    copy_bars(bar_row(series.symbol, bar, 1) for bar in list_minutes(opened, opened + 10 * MINUTE))
    map_range(series, opened, opened + 3 * DAY)
    day = read_coverage(set_calendar(series, CME), start=None, end=None, now=now).days[-1]
    assert (day.forming, day.open_bars, day.expected_by_now, day.expected) == (True, 10, 30, 1380)
    copy_bars([bar_row(series.symbol, opened + 30 * MINUTE, 1)])
    day = read_coverage(set_calendar(series, CME), start=None, end=None, now=now).days[-1]
    assert (day.open_bars, day.expected_by_now) == (11, 31)


@pytest.mark.parametrize(
    ("clock", "hours", "forming"),
    [
        ("15:59", Hours.REGULAR, True),
        ("16:00", Hours.REGULAR, False),
        ("16:00", Hours.ALL, True),
        ("20:00", Hours.ALL, False),
    ],
)
def test_a_regular_day_is_over_before_its_extended_hours(series, clock, hours, forming):
    bars = [utc(f"2025-07-15 {text}", ZONES[NYSE]) for text in ("09:30", "15:58")]
    insert_bars([bar_row(series.symbol, bar, 1) for bar in bars])
    now = utc(f"2025-07-15 {clock}", ZONES[NYSE])
    (day,) = read_coverage(set_calendar(series, NYSE), start=None, end=None, hours=hours, now=now).days
    assert day.forming is forming


def test_a_month_without_sessions_has_only_the_days_with_bars(series):
    """The New York exchange was closed from August to November 1914."""
    bars = [utc("1914-09-14 15:00"), utc("1914-09-16 15:00")]
    insert_bars([bar_row(series.symbol, bar, 1) for bar in bars])
    found = read_coverage(set_calendar(series, NYSE), start=None, end=None, now=LATER)
    assert [(day.day.day, day.bars, day.open_bars, day.expected) for day in found.days] == [
        (14, 1, 0, 0),
        (16, 1, 0, 0),
    ]
    assert [gap.open_minutes for gap in found.gaps.longest] == [0]


@pytest.mark.parametrize(
    ("counts", "usual"),
    [([1], None), ([9, 9, 9, 9], None), ([10, 50, 30, 40, 20], 40), ([10, 50, 30, 40, 20, 60], 50), ([5] * 5, 5)],
)
def test_the_usual_number_of_bars_without_a_calendar(series, counts, usual):
    """The current day, with seven bars, does not count."""
    days = [number for number, count in enumerate(counts) for _ in range(count)]
    copy_bars(bar_row(series.symbol, at(day * 1440 + index), 1) for index, day in enumerate(days))
    copy_bars(bar_row(series.symbol, at(len(counts) * 1440 + minute), 1) for minute in range(7))
    found = read_coverage(set_calendar(series, ""), start=None, end=None, now=at(len(counts) * 1440 + 30))
    assert [day.bars for day in found.days] == [*counts, 7]
    assert found.usual_bars == usual
