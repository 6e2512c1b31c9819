"""Which gaps are listed of many."""

from config.testing.clocks import CME, utc
from config.testing.reference.coverage import LATER, MINUTE, compute_coverage, list_minutes, set_calendar
from config.testing.rollup import at, bar_row, copy_bars
from marketdata.calendars.trading_days import find_trading_days
from marketdata.coverage import gaps
from marketdata.coverage.gaps import Gap
from marketdata.coverage.report import read_coverage


def test_all_gaps_are_counted_and_the_longest_are_listed(series):
    """Every other minute of three days is missing, and two hours: more gaps than are listed."""
    bars = [at(minute) for minute in range(0, 4320, 2) if not 2000 <= minute < 2120]
    copy_bars(bar_row(series.symbol, bar, 1) for bar in bars)
    found = read_coverage(set_calendar(series, ""), start=None, end=None, now=LATER)
    assert found == compute_coverage("", bars, None, None, LATER)
    assert (found.gaps.count, len(found.gaps.longest)) == (2099, 1000)
    assert Gap(at(1999), at(2120), at(1998), at(2120), None) in found.gaps.longest


def test_a_gap_with_open_minutes_is_listed_among_any_number_of_longer_nights(series, monkeypatch):
    """Ten minutes are missing on a Wednesday of sixty weeks; up to ten gaps of each kind are listed."""
    monkeypatch.setattr(gaps, "MAX_GAPS", 10)
    days = find_trading_days(CME, utc("2024-01-07"), utc("2025-03-01"))
    bars = [minute for day in days for span in day.spans for minute in list_minutes(*span)]
    gap_start = utc("2024-06-12 15:00")
    copy_bars(bar_row(series.symbol, bar, 1) for bar in bars if not gap_start <= bar < gap_start + 10 * MINUTE)
    found = read_coverage(set_calendar(series, CME), start=bars[0], end=None, now=LATER).gaps
    assert found.open_count == 1
    gap_end = gap_start + 10 * MINUTE
    assert [gap for gap in found.longest if gap.open_minutes] == [
        Gap(gap_start, gap_end, gap_start - MINUTE, gap_end, 10)
    ]
    assert len(found.longest) == 11
    assert found.count > 250
