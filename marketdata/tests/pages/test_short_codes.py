"""Short codes of contracts in the addresses of pages, the contract on its page, and the filters of the overview."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from config.testing.contract_series import create_contract, create_nq_contracts
from config.testing.web.pages import read_page
from marketdata.models import Series, SeriesInstrument

QUERY = '?before=7&x={a}|%20+"b"'


@pytest.fixture
def contracts(market_db):
    create_nq_contracts()


def list_rows(html: str) -> list[str]:
    return re.findall(r'<a href="/series/([^"/]+)/"', html)


@pytest.mark.parametrize("code", ["NQM5", "nqm5", "NQM25"])
def test_the_code_of_one_contract_is_redirected(page_client, contracts, code):
    response = page_client.get(f"/series/{code}/{QUERY}")
    assert (response.status_code, response["Location"]) == (307, f"/series/nqm2025/{QUERY}")
    assert response["Cache-Control"] == "no-store"
    assert page_client.get(f"/series/{code}/", follow=True).status_code == 200


def test_a_slug_in_another_letter_case_keeps_its_query_too(page_client, contracts):
    response = page_client.get(f"/series/NQM2025/{QUERY}")
    assert (response.status_code, response["Location"]) == (302, f"/series/nqm2025/{QUERY}")


def test_the_code_of_several_contracts_is_answered_with_links(page_client, contracts):
    create_contract("NQH2035", kind="outright", root="NQ", contract_month=3, contract_year=2035)
    response = page_client.get("/series/NQH5/?before=7&x=1")
    assert (response.status_code, response["Cache-Control"]) == (300, "no-store")
    html = response.content.decode()
    links = re.findall(r'<a href="(/series/[^"]+)">([^<]+)</a>', html)
    assert links == [(f"/series/nqh{year}/?before=7&amp;x=1", f"NQH{year}") for year in (2015, 2025, 2035)]
    assert re.findall(r">(\d{4}-\d\d-\d\d)</time>", html) == ["2014-06-02", "2015-03-20", "2024-06-03", "2025-03-21"]
    assert "no bars" in html


def test_hostile_queries_are_escaped(page_client, contracts):
    html = page_client.get('/series/NQH5/?x="><script>alert(1)</script>').content.decode()
    assert "<script>alert" not in html


def test_other_codes_are_not_found(page_client, contracts):
    for code in ("NQU5", "NQH35", "nqh"):
        assert page_client.get(f"/series/{code}/").status_code == 404


def test_codes_are_resolved_after_the_login_only(contracts):
    for code in ("NQM5", "NQH5", "nothing"):
        response = Client().get(f"/series/{code}/")
        assert (response.status_code, response.url) == (302, f"/login/?next=/series/{code}/")


def test_a_series_with_the_slug_itself_comes_first(page_client, contracts):
    create_contract("NQH5")
    assert "<h1>NQH5" in read_page(page_client, "/series/nqh5/")


def test_a_page_shows_the_contract(page_client, contracts):
    html = read_page(page_client, "/series/nqh2025/")
    assert '<p class="contract muted">NQ March 2025 · outright · expired 2025-03-21</p>' in html
    Series.objects.create(slug="plain", symbol="PLAIN")
    assert 'class="contract' not in read_page(page_client, "/series/plain/")


@pytest.mark.parametrize(
    ("query", "slugs"),
    [
        ("q=NQH5", ["nqh2015", "nqh2025"]),
        ("q=nqh25", ["nqh2025"]),
        ("q=nqh5-nqm5", ["nqh2025-nqm2025"]),
        ("q=ESH5+C5000", ["esh2025-c5000"]),
        ("q=nqh2025", ["nqh2025", "nqh2025-nqm2025"]),
        ("q=odd", ["renamed"]),
        ("product=nq", ["nqh2015", "nqh2025", "nqh2025-nqm2025", "nqm2025"]),
        ("kind=spread", ["nqh2025-nqm2025"]),
        ("product=NQ&kind=outright&q=h2025", ["nqh2025"]),
        ("product=NQ&kind=option", []),
    ],
)
def test_the_overview_is_searched_and_filtered(page_client, contracts, query, slugs):
    create_contract("X", slug="renamed", root="ODD", kind="outright")
    html = read_page(page_client, f"/?{query}")
    assert list_rows(html) == slugs
    assert slugs or "No series matches “NQ option”." in html
    assert "First steps" not in html


def test_the_overview_offers_kinds_and_products_if_there_are_several(page_client, contracts):
    html = read_page(page_client, "/?kind=spread&product=nq")
    options = re.findall(r"<option( selected)?>([^<]+)</option>", html)
    kinds = [("", "continuous"), ("", "option"), ("", "outright"), (" selected", "spread")]
    assert options == [("", "ES"), ("", "MNQ"), (" selected", "NQ"), *kinds]
    SeriesInstrument.objects.all().delete()
    Series.objects.exclude(slug="mnq").delete()
    assert "<select" not in read_page(page_client, "/")


def test_an_unknown_kind_is_ignored(page_client, contracts):
    assert len(list_rows(read_page(page_client, "/?kind=x%00"))) == 6
