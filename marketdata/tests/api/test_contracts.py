"""Contracts over REST: the list of series, and short codes in addresses."""

from __future__ import annotations

import time
from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from config.testing.contract_series import create_contract, create_nq_contracts
from config.testing.processes import scale_limit
from marketdata.models import Series

SERIES = "/api/market-data/"
ENDPOINTS = [
    *(f"ohlcv-1m/{name}" for name in ("stats", "bars", "revisions")),
    *("ohlcv-1h/bars", "ohlcv-1w/stats", "coverage"),
]
QUERY = '?start=2024-01-01T00%3A00&x={a}|"b"<c>\'+%2B%20&&end=&=%ff'


@pytest.fixture
def contracts(market_db):
    """The contracts of NQ, one that trades today, one whose year is not settled, a share and a continuous series."""
    create_nq_contracts()
    today = timezone.now().date()
    create_contract("ESZ2099", kind="outright", root="ES", contract_month=12, contract_year=2099, last_date=today)
    create_contract("GEH5 #12345", kind="outright", root="GE", contract_month=3, is_settled=False)
    create_contract("AAPL", kind="equity", dataset="XNAS.ITCH")


def list_slugs(client: Client, **filters: str) -> list[str]:
    response = client.get(SERIES, filters)
    assert response.status_code == 200, response.content
    return [one["slug"] for one in response.json()]


# --- The list ---------------------------------------------------------------------------------------------------------


def test_each_series_has_its_contract(reader, contracts):
    found = {one["slug"]: one["contract"] for one in reader.get(SERIES).json()}
    assert found["nqh2025"] == {
        "kind": "outright",
        "root": "NQ",
        "month": 3,
        "year": 2025,
        "first": "2024-06-03",
        "last": "2025-03-21",
        "expiration": "2025-03-21",
        "active": False,
        "settled": True,
        "raw_symbols": ["NQH5"],
    }
    assert found["geh5-12345"] == {
        "kind": "outright",
        "root": "GE",
        "month": 3,
        "year": None,
        "first": None,
        "last": None,
        "expiration": None,
        "active": None,
        "settled": False,
        "raw_symbols": [],
    }
    assert [found[slug]["active"] for slug in ("esz2099", "mnq", "aapl")] == [True, True, True]


@pytest.mark.parametrize(
    ("filters", "slugs"),
    [
        ({"product": "NQ"}, ["nqh2015", "nqh2025", "nqh2025-nqm2025", "nqm2025"]),
        ({"product": "nq", "kind": "outright"}, ["nqh2015", "nqh2025", "nqm2025"]),
        ({"kind": "option"}, ["esh2025-c5000"]),
        ({"active": "true"}, ["aapl", "esz2099", "mnq"]),
        ({"active": "True", "kind": "outright"}, ["esz2099"]),
        ({"active": "false", "product": "ES"}, ["esh2025-c5000"]),
        ({"product": "NQ", "kind": "outright", "active": "true"}, []),
        ({"product": "GE"}, ["geh5-12345"]),
        ({"product": "GE", "active": "true"}, []),
        ({"product": "GE", "active": "false"}, []),
        ({"product": "N"}, []),
        ({"product": " NQ"}, []),
        ({"product": "%"}, []),
    ],
)
def test_filters_combine(reader, contracts, filters, slugs):
    assert list_slugs(reader, **filters) == slugs


def test_a_contract_is_active_on_its_last_date_and_not_after(reader, contracts):
    yesterday = timezone.now().date() - timedelta(days=1)
    assert "esz2099" in list_slugs(reader, active="true")
    Series.objects.filter(slug="esz2099").update(last_date=yesterday)
    assert "esz2099" not in list_slugs(reader, active="true")
    assert "esz2099" in list_slugs(reader, active="false")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "kind=future",
            {"kind": ["'future' is not one of outright, spread, option, equity, continuous, other."]},
        ),
        ("kind=", {"kind": ["'' is not one of outright, spread, option, equity, continuous, other."]}),
        ("active=1", {"active": ["'1' is not one of true, false."]}),
        ("active=", {"active": ["'' is not one of true, false."]}),
        ("product=", {"product": ["This field may not be blank."]}),
        ("product=%00", {"product": ["Null characters are not allowed."]}),
        ("root=NQ", {"root": ["There is no such parameter. Known: product, kind, active."]}),
        ("kind=spread&kind=spread", {"kind": ["This parameter occurs 2 times: give it once."]}),
    ],
)
def test_wrong_filters_are_answered_with_what_is_known(reader, contracts, query, message):
    response = reader.get(f"{SERIES}?{query}")
    assert (response.status_code, response.json()) == (400, message)


# --- Short codes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("code", ["NQM5", "nqm5", "nQm25", "NQM025"])
def test_the_code_of_one_contract_is_redirected(reader, contracts, endpoint, slash, code):
    response = reader.get(f"{SERIES}{code}/{endpoint}{slash}{QUERY}")
    assert response.status_code == 307
    assert response["Location"] == f"{SERIES}nqm2025/{endpoint}{slash}{QUERY}"
    assert response["Cache-Control"] == "no-store"
    assert response.content == b""
    assert "Content-Type" not in response


def test_a_redirect_leads_to_the_contract(reader, contracts):
    response = reader.get(f"{SERIES}NQH5-NQM5/ohlcv-1m/bars/?order=desc&limit=5", follow=True)
    assert [status for _, status in response.redirect_chain] == [307]
    assert response.json()["symbol"] == "NQH2025-NQM2025"


def test_bytes_that_no_address_may_have_are_encoded(reader, contracts):
    response = reader.generic("GET", f"{SERIES}nqm5/coverage", QUERY_STRING="x=\xe9")
    assert response["Location"] == f"{SERIES}nqm2025/coverage?x=%E9"


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("code", ["NQH5", "nqh5"])
def test_the_code_of_several_contracts_is_answered_with_the_choices(reader, contracts, endpoint, code):
    response = reader.get(f"{SERIES}{code}/{endpoint}/?limit=2&order=desc")
    assert (response.status_code, response["Cache-Control"]) == (300, "no-store")
    assert response.json() == {
        "choices": [
            {
                "slug": f"nqh{year}",
                "symbol": f"NQH{year}",
                "first": first,
                "last": last,
                "url": f"http://testserver{SERIES}nqh{year}/{endpoint}/?limit=2&order=desc",
            }
            for year, first, last in ((2015, "2014-06-02", "2015-03-20"), (2025, "2024-06-03", "2025-03-21"))
        ]
    }


def test_choices_without_bars_are_ordered_by_month_and_those_without_a_year_are_last(reader, contracts):
    outright = {"kind": "outright", "root": "GE", "contract_month": 3}
    create_contract("GEH2025", "2016-01-04 14:30", contract_year=2025, **outright)
    create_contract("GEH2005", slug="renamed", contract_year=2005, **outright)
    choices = reader.get(f"{SERIES}geh5/coverage").json()["choices"]
    assert [(one["slug"], one["first"]) for one in choices] == [
        ("renamed", None),
        ("geh2025", "2016-01-04"),
        ("geh5-12345", None),
    ]


@pytest.mark.parametrize(
    ("code", "slug"),
    [("nqh25", "nqh2025"), ("NQH15", "nqh2015"), ("ESH5-C5000", "esh2025-c5000"), ("geh5", "geh5-12345")],
)
def test_two_digits_choose_the_year(reader, contracts, code, slug):
    assert reader.get(f"{SERIES}{code}/coverage")["Location"] == f"{SERIES}{slug}/coverage"


@pytest.mark.parametrize("code", ["NQH35", "NQU5", "nqh", "nq", "GEH25", "NQH2035", "%C5%BFqh5", "nqh5-", "nqh5-nqu5"])
def test_other_codes_are_unknown(reader, contracts, code):
    assert reader.get(f"{SERIES}{code}/ohlcv-1m/bars").status_code == 404


def test_an_unknown_contract_is_answered_with_those_of_its_product(reader, contracts):
    assert reader.get(f"{SERIES}NQU5/coverage").json() == {
        "detail": "There is no series 'NQU5'. Contracts of NQ: nqh2015, nqh2025, nqm2025."
    }


def test_a_series_with_the_slug_itself_comes_first(reader, contracts):
    create_contract("NQH5")
    for code in ("nqh5", "NQH5"):
        assert reader.get(f"{SERIES}{code}/ohlcv-1m/bars").json()["symbol"] == "NQH5"
    assert reader.get(f"{SERIES}nqh25/ohlcv-1m/bars").status_code == 307


@pytest.mark.parametrize("accept", ["text/csv", "application/vnd.apache.parquet"])
@pytest.mark.parametrize("endpoint", ["ohlcv-1m/bars", "ohlcv-5m/bars"])
def test_choices_are_json_where_a_file_was_requested(reader, contracts, accept, endpoint):
    for response in (
        reader.get(f"{SERIES}NQH5/{endpoint}", headers={"Accept": accept}),
        reader.get(f"{SERIES}NQH5/{endpoint}?format=csv"),
    ):
        assert (response.status_code, response["Content-Type"]) == (300, "application/json")
        assert len(response.json()["choices"]) == 2
    redirect = reader.get(f"{SERIES}NQM5/{endpoint}?format=parquet", headers={"Accept": accept})
    assert (redirect.status_code, redirect["Location"]) == (307, f"{SERIES}nqm2025/{endpoint}?format=parquet")


def test_other_methods_do_not_resolve_codes(reader, contracts):
    for code, status in (("NQM5", 307), ("NQH5", 300)):
        head = reader.head(f"{SERIES}{code}/ohlcv-1m/bars?limit=1")
        assert (head.status_code, head.content) == (status, b"")
        assert ("Location" in head) == (status == 307)
        assert reader.post(f"{SERIES}{code}/ohlcv-1m/bars").status_code == 405


@pytest.mark.parametrize("public", [True, False])
def test_codes_are_resolved_only_for_those_who_may_read_the_endpoint(client, contracts, settings, public):
    settings.PUBLIC_STATS = public
    for code, resolved in (("NQM5", 307), ("NQH5", 300), ("nope", 404)):
        for endpoint in ENDPOINTS:
            response = client.get(f"{SERIES}{code}/{endpoint}")
            assert response.status_code == (resolved if public and endpoint.endswith("stats") else 401)
            if response.status_code == 401:
                assert b"nqh" not in response.content.lower()
                assert "Location" not in response


def test_an_unknown_timeframe_or_address_is_not_redirected(reader, contracts):
    for address in ("NQM5/ohlcv-7m/bars", "NQM5/nothing", "NQM5"):
        assert reader.get(f"{SERIES}{address}").status_code == 404


def test_runs_are_filtered_by_a_code(reader, contracts):
    address = "/api/ingest-runs/"
    assert reader.get(address, {"series": "NQM5"}).json() == reader.get(address, {"series": "nqm2025"}).json()
    response = reader.get(address, {"series": "NQH5"})
    assert (response.status_code, response.json()) == (
        400,
        {"series": ["'NQH5' is a short code of 2 contracts: nqh2015, nqh2025. Name one of them."]},
    )


# --- Many series ------------------------------------------------------------------------------------------------------


@pytest.fixture
def many(contracts):
    """10,000 contracts of 100 products."""
    numbers = range(10_000)
    Series.objects.bulk_create(
        Series(
            slug=f"x{number % 100}m{2000 + number // 100}",
            symbol=f"X{number % 100}M{2000 + number // 100}",
            kind="outright",
            root=f"X{number % 100}",
            contract_month=6,
            contract_year=2000 + number // 100,
            last_date=date(2000 + number // 100, 6, 30),
        )
        for number in numbers
    )


def test_codes_and_filters_read_few_rows_of_many_series(reader, many, django_assert_max_num_queries):
    reader.get(SERIES, {"product": "X7"})
    start = time.perf_counter()
    with django_assert_max_num_queries(8):
        assert reader.get(f"{SERIES}x7m25/coverage")["Location"].endswith("/x7m2025/coverage")
    with django_assert_max_num_queries(9):
        assert len(reader.get(f"{SERIES}x7m5/coverage").json()["choices"]) == 10
    assert reader.get(f"{SERIES}x7m5-x7u5/coverage").status_code == 404
    assert len(list_slugs(reader, product="x7", active="false")) in range(20, 40)
    assert time.perf_counter() - start < scale_limit(2)  # a twentieth of it where the machine is not busy
