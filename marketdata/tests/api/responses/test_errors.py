"""Error responses of all operations, as described."""

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.test import Client
from rest_framework.throttling import SimpleRateThrottle

from config.testing.contract_series import create_nq_contracts
from config.testing.rows import QUALITY, insert
from config.testing.rows import RUNS as TABLE
from marketdata.models import Series
from marketdata.tests.api.contract import ACTIONS

SERIES, RUNS, RUN = "/api/market-data/", "/api/ingest-runs/", "/api/ingest-runs/1/"
STATS, BARS, REVISIONS = (f"/api/market-data/mnq/ohlcv-1m/{name}/" for name in ("stats", "bars", "revisions"))
CANDLE_STATS, CANDLES = (f"/api/market-data/mnq/ohlcv-1h/{name}/" for name in ("stats", "bars"))
COVERAGE = "/api/market-data/mnq/coverage/"
GAPS = "/api/market-data/mnq/gaps/"
FEEDS = "/api/feeds/"
FINDINGS, FINDING = "/api/quality/findings/", "/api/quality/findings/1/"
DONE = tuple(f"{FINDING}{action}/" for action in ACTIONS)
STREAM, CANDLE_STREAM = (f"/api/market-data/mnq/ohlcv-{name}/stream/" for name in ("1m", "1h"))
STREAMS = (STREAM, CANDLE_STREAM)
ALL = (SERIES, RUNS, RUN, STATS, BARS, REVISIONS, CANDLE_STATS, CANDLES, COVERAGE, GAPS, FEEDS, FINDINGS, FINDING)
OF_SERIES = sorted(set(ALL) - {SERIES, RUNS, RUN, FEEDS, FINDINGS, FINDING})
OF_CALENDAR = (CANDLE_STATS, CANDLES, COVERAGE, GAPS, CANDLE_STREAM)


@pytest.fixture
def stored_run(market_db):
    """Run 1 and finding 1, so that each of `ALL` exists."""
    insert(TABLE)
    insert(next(iter(QUALITY)), series_id=Series.objects.get(slug="mnq").pk)


def test_the_list_of_operations_is_complete(contract):
    assert {contract.find_path(address) for address in (*ALL, *STREAMS, *DONE)} == set(contract.paths)


@pytest.mark.parametrize("address", [*ALL, *STREAMS])
def test_a_wrong_parameter_is_answered_as_described(check, stored_run, address):
    assert list(check(address, {"bogus": "1"}, status=400).json()) == ["bogus"]


@pytest.mark.parametrize("address", [BARS, CANDLES, COVERAGE, GAPS, REVISIONS])
def test_a_repeated_parameter_is_answered_as_described(check, stored_run, address):
    check(f"{address}?start=2024-01-01&start=2024-01-01", status=400)


@pytest.mark.parametrize("address", [*ALL, *STREAMS])
def test_a_wrong_token_is_answered_as_described(check, stored_run, address):
    check(address, status=401, client=Client(headers={"Authorization": "Token wrong"}))


@pytest.mark.parametrize("address", [*OF_SERIES, *STREAMS])
def test_an_unknown_series_is_answered_as_described(check, stored_run, address):
    check(address.replace("mnq", "nope"), status=404)


@pytest.mark.parametrize("address", OF_SERIES)
def test_a_short_code_is_answered_as_described(check, market_db, address):
    create_nq_contracts()
    choices = check(address.replace("mnq", "NQH5"), status=300).json()["choices"]
    assert [one["symbol"] for one in choices] == ["NQH2015", "NQH2025"]
    location = check(address.replace("mnq", "NQM5"), status=307)["Location"]
    assert location == address.replace("mnq", "nqm2025")
    assert check(location).status_code == 200


@pytest.mark.parametrize(
    ("address", "parameters"),
    [
        (RUNS, {"series": "nope"}),
        (FINDINGS, {"series": "nope"}),
        (f"{FINDINGS}999/", {}),
        (f"{FINDINGS}{10**20}/", {}),
        (f"{RUNS}999/", {}),
        (f"{RUNS}{10**20}/", {}),
        (f"{RUNS}-1/", {}),
        (CANDLES.replace("1h", "2h"), {}),
        (BARS.replace("mnq", "%00"), {}),
    ],
)
def test_what_does_not_exist_is_answered_as_described(check, stored_run, address, parameters):
    check(address, parameters, status=404)


@pytest.mark.parametrize("address", [*ALL, *STREAMS])
def test_an_unacceptable_format_is_answered_as_described(check, stored_run, address):
    check(address, status=406, Accept="image/png")


@pytest.mark.parametrize("address", OF_CALENDAR)
def test_an_unknown_calendar_is_answered_as_described(check, stored_run, set_calendar, address):
    set_calendar("Mars")
    check(address, status=409)


@pytest.mark.parametrize("address", ALL)
def test_too_many_requests_are_answered_as_described(check, stored_run, monkeypatch, address):
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"anon": "1/min", "user": "1/min"})
    cache.clear()
    check(address)
    check(address, status=429)
    cache.clear()


@pytest.mark.parametrize("address", ALL)
def test_an_unchanged_response_is_answered_as_described(check, stored_run, address):
    check(address, status=304, **{"If-None-Match": check(address)["ETag"]})


@pytest.mark.parametrize("address", [*ALL, *STREAMS])
def test_a_database_that_does_not_respond_is_answered_as_described(check, stored_run, monkeypatch, address):
    def fail(*args):
        raise OperationalError("the connection is closed")

    with monkeypatch.context() as patch:
        patch.setattr("django.db.backends.utils.CursorWrapper.execute", fail)
        response = check(address, status=503)
    assert response.json() == {"detail": "The database does not respond: try again later."}


@pytest.mark.parametrize("address", [BARS, CANDLES])
@pytest.mark.parametrize(
    ("parameters", "accept", "status"),
    [({"limit": "1"}, "text/csv", 400), ({"format": "csv", "limit": "1"}, "*/*", 400), ({}, "text/csv", 401)],
)
def test_errors_are_json_where_a_file_was_requested(check, stored_run, address, parameters, accept, status):
    clients = {"client": Client()} if status == 401 else {}
    check(address, parameters, status=status, Accept=accept, **clients)
