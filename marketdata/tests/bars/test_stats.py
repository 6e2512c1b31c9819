"""Counts and ends of series, and the version of their minutes."""

from decimal import Decimal

import pytest

from config.testing.rollup import at, bar_row, insert_bars
from config.testing.rows import execute
from marketdata.bars.stats import SeriesStats, get_first_and_last, get_minutes_version, get_stats, list_stats
from marketdata.models import Series

EMPTY = SeriesStats(0, None, None, None)


@pytest.fixture
def series(two_runs) -> Series:
    return Series.objects.get(slug="mnq")


def test_a_series_without_bars_has_no_ends(series):
    assert get_stats(series) == EMPTY
    assert get_first_and_last(series) is None
    assert get_minutes_version(series) == (0, 0)


def test_stats_are_in_the_order_of_the_series(series, django_assert_num_queries):
    other = Series.objects.create(slug="other", symbol="OTHER")
    insert_bars([bar_row(series.symbol, at(minute), 3) for minute in (7, 1, 4)])
    stats = SeriesStats(3, at(1), at(7), Decimal("10.25"))
    with django_assert_num_queries(1):
        assert list_stats([other, series, other]) == [EMPTY, stats, EMPTY]
    assert get_stats(series) == stats
    assert get_first_and_last(series) == (at(1), at(7))


def test_stats_are_right_after_a_delete_by_hand(series):
    insert_bars([bar_row(series.symbol, at(minute), 3) for minute in (1, 4)])
    execute("DELETE FROM market_bars_ohlcv_1m WHERE ts = %s", at(4))
    assert get_stats(series) == SeriesStats(1, at(1), at(1), Decimal("10.25"))


def test_the_version_changes_with_the_minutes_and_not_with_the_values(series):
    insert_bars([bar_row(series.symbol, at(minute), 3) for minute in (1, 4)])
    version = get_minutes_version(series)
    execute("UPDATE market_bars_ohlcv_1m SET volume = 9")
    assert get_minutes_version(series) == version
    insert_bars([bar_row(series.symbol, at(5), 3)])
    assert get_minutes_version(series) != version
