"""Responses with coverage, as described."""

import pytest

from marketdata.api.responses.coverage import CoverageSerializer, DaySerializer, GapSerializer

COVERAGE = "/api/market-data/mnq/coverage"


@pytest.mark.parametrize("calendar", ["CME Globex Equity", ""])
@pytest.mark.parametrize("parameters", [{}, {"end": "2024-01-09"}, {"end": "2020-01-01"}])
def test_coverage_is_as_described(check, history, set_calendar, calendar, parameters):
    set_calendar(calendar)
    body = check(COVERAGE, parameters).json()
    assert body["calendar"] == calendar
    assert list(body) == list(CoverageSerializer().fields)
    assert {tuple(day) for day in body["days"]} <= {tuple(DaySerializer().fields)}
    assert {tuple(gap) for gap in body["gaps"]} <= {tuple(GapSerializer().fields)}


@pytest.mark.parametrize("calendar", ["CME Globex Equity", ""])
def test_coverage_of_a_series_without_bars_is_as_described(check, market_db, set_calendar, calendar):
    set_calendar(calendar)
    assert check(COVERAGE).json()["start"] is None
