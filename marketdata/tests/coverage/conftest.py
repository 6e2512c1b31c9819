"""A series to insert bars of."""

import pytest

from marketdata.models import Series


@pytest.fixture
def series(two_runs) -> Series:
    return Series.objects.get(slug="mnq")
