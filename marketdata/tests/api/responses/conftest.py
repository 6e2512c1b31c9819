"""Stored data of every kind, and the comparison of responses with the description."""

import pytest

from config.testing.builders import bars, ingest, together, undo_run, write
from config.testing.rows import FAILED, RUNS, insert
from marketdata.models import Series
from marketdata.tests.api.contract import Contract, read_description


@pytest.fixture(scope="module")
def contract(django_db_setup):
    return Contract(read_description())


@pytest.fixture
def check(contract, reader):
    """Request an address, compare the response with the description, and return it."""

    def check(address: str, parameters: dict | None = None, *, status: int = 200, client=reader, **headers):
        response = client.get(address, parameters, headers=headers)
        assert response.status_code == status, response.content
        contract.check(address, response)
        return response

    return check


@pytest.fixture
def history(market_db, tmp_path):
    """Bars with a gap, a corrected bar, an undone run, a failed run, and a series without bars."""
    first = bars(1350)
    ingest(write(tmp_path / "first.dbn", together(first[:900], first[930:])))
    second = bars(5)
    second["volume"] += 1
    ingest(write(tmp_path / "second.dbn", second))
    ingest(write(tmp_path / "third.dbn", bars(3, first=2000)))
    undo_run(3)
    insert(RUNS, **FAILED, id=100)
    Series.objects.create(slug="empty", symbol="EMPTY")
