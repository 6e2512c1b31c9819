"""One finding: its bars fit a narrow screen."""

from __future__ import annotations

import json

from config.testing.rows import QUALITY, insert
from config.testing.web.browser import NARROWEST, open_page
from marketdata.models import QualityFinding, Series

FINDINGS = next(iter(QUALITY))
BAR = {"ts": "2024-01-02T10:00:00+00:00", "open": "16500.250000001", "high": "16500.5", "low": "16499", "close": "1.5"}


def test_the_bars_of_a_finding_move_sideways_in_their_own_box(browser, site, reader, mnq):
    QualityFinding.objects.all().delete()
    insert(FINDINGS, id=1, series_id=Series.objects.get(slug="mnq").pk, evidence=json.dumps([BAR | {"volume": 10**15}]))
    with open_page(browser, site, reader=reader, viewport=NARROWEST) as page:
        for address in ("/quality/", "/quality/1/"):
            page.goto(address)
            assert page.evaluate("document.documentElement.scrollWidth") <= NARROWEST["width"], address
        assert page.locator(".scroll").evaluate("box => box.scrollWidth > box.clientWidth")
