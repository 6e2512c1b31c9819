"""Fixtures that several rooms' tests share."""

import pytest

from marketdata.models import Series


@pytest.fixture
def set_calendar(market_db):
    """Sets another calendar for the series mnq; the test's end restores the old one."""
    mnq = Series.objects.filter(slug="mnq")
    before = mnq.get().calendar
    yield lambda name: mnq.update(calendar=name)
    mnq.update(calendar=before)
