"""Responses with series and stats, as described."""

import pytest
from django.test import Client

from config.testing.contract_series import create_contract, create_nq_contracts
from marketdata.models import Series

SERIES = "/api/market-data/"
STATS = "/api/market-data/mnq/ohlcv-1m/stats"


def test_the_list_of_series_is_as_described(check, history):
    body = check(SERIES).json()
    assert [one["slug"] for one in body] == ["empty", "mnq"]
    assert [one["last_run"] is None for one in body] == [True, False]
    assert [one["live"] for one in body] == [False, False]
    Series.objects.filter(slug="mnq").update(live=True)
    assert [one["live"] for one in check(SERIES).json()] == [False, True]


@pytest.mark.parametrize("slug", ["mnq", "empty"])
@pytest.mark.parametrize("timeframe", ["1m", "1h", "1w"])
def test_stats_are_as_described(check, history, slug, timeframe):
    address = STATS.replace("mnq", slug).replace("1m", timeframe)
    body = check(address, client=Client()).json()
    assert ("message" in body) == (slug == "empty")


def test_contracts_are_as_described(check, market_db):
    create_nq_contracts()
    create_contract("GEH5 #12345", kind="outright", root="GE", contract_month=3, is_settled=False)
    contracts = [one["contract"] for one in check(SERIES).json()]
    assert {one["active"] for one in contracts} == {True, False, None}
    assert check(SERIES, {"product": "NQ", "active": "false"}).json()
    assert check(SERIES, {"product": "none"}).json() == []
    check(SERIES, {"kind": "none"}, status=400)
