"""Pages of bars, compared with slices of all bars."""

from datetime import timedelta

import pytest

from config.testing.rollup import at, bar_row, insert_bars
from marketdata.bars.query import filter_bars, read_bar_page
from marketdata.models import Series

MINUTES = [0, 1, 2, 5, 60, 61, 1500]


@pytest.fixture
def series(two_runs) -> Series:
    series = Series.objects.get(slug="mnq")
    insert_bars([bar_row(symbol, at(minute), 3) for symbol in (series.symbol, "another") for minute in MINUTES])
    return series


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("limit", [1, 2, len(MINUTES), len(MINUTES) + 1])
def test_pages_contain_each_bar_once_in_order(series, limit, descending):
    found, after = [], None
    while True:
        page, after = read_bar_page(series, start=None, end=None, after=after, descending=descending, limit=limit)
        assert len(page) <= limit
        found += [bar.ts for bar in page]
        if after is None:
            break
        assert after == page[-1].ts
    assert found == sorted(map(at, MINUTES), reverse=descending)


def test_a_range_includes_its_start_and_not_its_end(series):
    assert filter_bars(series, at(1), at(5)).count() == 2
    assert filter_bars(series, at(1) + timedelta(seconds=1), None).count() == 5
    assert filter_bars(series, None, at(5)).count() == 3


def test_prices_are_text_without_trailing_zeros(series):
    page, _ = read_bar_page(series, start=None, end=None, after=None, descending=False, limit=1)
    assert page[0][1:] == ("3", "10.25", "0", "10.25", 3, 1)
