"""Texts of coverage and gaps, with and without a calendar."""

import pytest

from marketdata.models import Series
from marketdata.pages.coverage_texts import describe_coverage


def test_a_calendar_separates_closed_hours():
    texts = describe_coverage(Series(pk=1, calendar="EUREX"), is_staff=True)
    assert texts.measure == "Open minutes with a bar, by trading day of EUREX:"
    assert texts.gaps.endswith("Point at it for the evidence.")
    assert [value for value, _ in texts.kinds] == ["open", "closed"]
    assert texts.orders[0] == ("longest", "longest first")


@pytest.mark.parametrize("calendar", ["NYSE", "XNYS", "NASDAQ"])
def test_extended_hours_count_as_closed(calendar):
    texts = describe_coverage(Series(pk=1, calendar=calendar), is_staff=True)
    assert texts.gaps.endswith("Extended hours count as closed: they may have bars, but none is missing there.")


def test_without_a_calendar_the_newest_gaps_are_first():
    texts = describe_coverage(Series(pk=1, calendar=""), is_staff=False)
    assert (texts.kind, texts.measure, texts.kinds) == ("by-bars", "Bars by UTC day:", ())
    assert texts.orders[0] == ("newest", "newest first")
    assert texts.gaps.endswith("A trading calendar separates closed hours from the rest.")


def test_staff_can_set_a_calendar():
    texts = describe_coverage(Series(pk=7, calendar=""), is_staff=True)
    assert texts.gaps.endswith(': <a href="/admin/marketdata/series/7/change/">set a calendar</a>.')
