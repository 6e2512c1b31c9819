"""Pages of runs by `limit` and `offset`."""

import pytest

from config.testing.rows import RUNS, insert

ADDRESS = "/api/ingest-runs/"


@pytest.fixture
def runs(market_db):
    for number in range(1, 61):
        insert(RUNS, id=number)


@pytest.mark.parametrize(
    ("parameters", "ids"),
    [
        ({}, range(60, 10, -1)),
        ({"limit": 2}, [60, 59]),
        ({"limit": 2, "offset": 59}, [1]),
        ({"offset": 60}, []),
        ({"offset": 1_000_000}, []),
        ({"limit": 500}, range(60, 0, -1)),
        ({"limit": 3, "offset": 3, "ordering": "id"}, [4, 5, 6]),
        ({"limit": 3, "ordering": "started_at"}, [60, 59, 58]),
    ],
)
def test_a_page_has_the_requested_runs_and_counts_all(reader, runs, parameters, ids):
    body = reader.get(ADDRESS, parameters).json()
    assert list(body) == ["count", "results"]
    assert body["count"] == 60
    assert [run["id"] for run in body["results"]] == list(ids)


@pytest.mark.parametrize(
    ("name", "value"), [("limit", 0), ("limit", 501), ("limit", -1), ("offset", -1), ("offset", 1_000_001)]
)
def test_a_page_outside_the_bounds_is_rejected(reader, runs, name, value):
    response = reader.get(ADDRESS, {name: value})
    assert (response.status_code, list(response.json())) == (400, [name])
