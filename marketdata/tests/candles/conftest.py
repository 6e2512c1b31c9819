"""A series with each kind of calendar, and weeks to fill with bars."""

from datetime import date

import pytest

from config.testing.clocks import CME, NYSE
from config.testing.reference.candles import WEEKS
from marketdata.calendars.hours import Hours
from marketdata.models import Series


@pytest.fixture(params=WEEKS)
def first_day(request) -> date:
    return WEEKS[request.param]


@pytest.fixture(params=[CME, NYSE, ""], ids=["CME", "NYSE", "no calendar"])
def series(request, market_db) -> Series:
    return Series.objects.create(slug="some", symbol="SOME", calendar=request.param)


@pytest.fixture(params=Hours)
def hours(request) -> Hours:
    return request.param
