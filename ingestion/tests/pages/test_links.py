"""Every link that the pages make has a page, whatever characters symbols and slugs have."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import quote, unquote, urljoin, urlsplit

import pytest
from django.test import Client

from config.testing.builders import bars, ingest, several
from config.testing.contract_series import create_contract
from marketdata.models import Series

SYMBOLS = ("NQH6 C20000", "SR3:BF Z6-H7-M7", "UD:1V: GN 2544", "NQH6-NQM6", "VX/M6", "BRK.B", "A+B", "50%OFF", "A?B#C")
SLUGS = ("with space", "MNQ1!", "a:b", "a/b", "a.b", "100%", "q?x=1#y", "ünïcode", "A_b-C", "'quoted\"", "<b>", "tail-")
PAGE = re.compile(r"""<(?:a|form|link)[^>]*\s(?:href|action)=(?:"([^"]*)"|'([^']*)')[^>]*>""")
SENT = ("/quality/act/", "/quality/test-alert/")  # forms that are sent by POST
API = re.compile(r'data-[\w-]*(?:api|address|url)[\w-]*="(/[^"]*)"')


@pytest.fixture
def series(market_db, tmp_path):
    """Series that a load creates, and others whose slugs an operator stored."""
    parts = {symbol: bars(3, instrument_id=number) for number, symbol in enumerate(SYMBOLS, start=1)}
    ingest(several(tmp_path / "many.dbn", parts, dataset="XNAS.ITCH"))
    for number, slug in enumerate(SLUGS):
        create_contract(f"OWN {number}", "2024-01-02 14:30", slug=slug)


def crawl(client: Client) -> dict[str, int]:
    """The status of each address of the pages that can be reached by links, the admin's pages excepted."""
    waiting, found = ["/"], {}
    while waiting:
        address = waiting.pop()
        response = client.get(address, follow=True)
        found[address] = response.status_code
        if not response.headers["Content-Type"].startswith("text/html"):
            continue
        html = response.content.decode()
        links = [one or other for one, other in PAGE.findall(html)] + API.findall(html)
        for link in links:
            target = urljoin(address, unescape(link)).partition("#")[0]
            if not urlsplit(target).netloc and not target.startswith(("/admin/", "/static/", "/logout/", "/api/docs")):
                waiting += [] if target in found or target in waiting else [target]
    return found


def test_every_link_has_a_page(page_client, series):
    found = crawl(page_client)
    assert {address: status for address, status in found.items() if status != 200 and address not in SENT} == {}
    slugs = set(Series.objects.exclude(slug="mnq").values_list("slug", flat=True))
    pages = {f"/series/{quote(slug, safe='/:!')}/" for slug in slugs}
    assert len(slugs) == len(SYMBOLS) + len(SLUGS)
    assert {page for page in pages if not any(one.lower() == page.lower() for one in map(normalize, found))} == set()


def normalize(address: str) -> str:
    return quote(unquote(urlsplit(address).path), safe="/:!")


@pytest.mark.parametrize("resource", ["ohlcv-1m/stats", "ohlcv-1m/bars", "ohlcv-5m/bars", "coverage"])
def test_the_api_has_each_series(page_client, series, resource):
    for slug in Series.objects.values_list("slug", flat=True):
        response = page_client.get(f"/api/market-data/{quote(slug, safe='')}/{resource}")
        assert (slug, response.status_code) == (slug, 200)


@pytest.mark.parametrize(
    ("address", "slug"),
    [
        ("NQH6 C20000", "nqh6-c20000"),
        ("nqh6 c20000", "nqh6-c20000"),
        ("NQH6  C20000", "nqh6-c20000"),
        ("SR3:BF Z6-H7-M7", "sr3-bf-z6-h7-m7"),
        ("VX/M6", "vx-m6"),
        ("CME_MINI:MNQ1!", "mnq"),
        ("OWN 0", "with space"),
    ],
)
def test_a_symbol_in_an_address_stands_for_its_series(page_client, series, address, slug):
    page = page_client.get(f"/series/{quote(address, safe='')}/?from=2024-01-02")
    assert (page.status_code, page["Location"]) == (307, f"/series/{quote(slug)}/?from=2024-01-02")
    api = page_client.get(f"/api/market-data/{quote(address, safe='')}/ohlcv-1m/stats?x")
    assert (api.status_code, api["Location"]) == (307, f"/api/market-data/{quote(slug)}/ohlcv-1m/stats?x")
    assert page_client.get(page["Location"]).status_code == 200


@pytest.mark.parametrize("name", ["%00", "a%00b", "%0A", "%2e%2e", "%F0%9F%98%80", "x" * 5000, "%C0%80"])
def test_other_addresses_are_not_found(page_client, series, name):
    for address in (f"/series/{name}/", f"/api/market-data/{name}/ohlcv-1m/stats", f"/api/market-data/{name}/coverage"):
        assert (address, page_client.get(address).status_code) == (address, 404)
