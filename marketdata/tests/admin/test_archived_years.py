"""Archived years are listed, and no user can change them."""

from config.testing.rows import insert
from marketdata.models import ArchivedYear

PAGE = "/admin/marketdata/archivedyear/"


def test_archived_years_are_only_listed(operator):
    insert("market_archived_years", lake="/lakes/mine")
    page = operator.get(PAGE).content.decode()
    assert "2018" in page
    assert "/lakes/mine" in page
    assert operator.get(f"{PAGE}add/").status_code == 403
    assert operator.post(f"{PAGE}2018/change/", {"lake": "x"}).status_code == 403
    assert operator.post(f"{PAGE}2018/delete/", {"post": "yes"}).status_code == 403
    assert ArchivedYear.objects.get().lake == "/lakes/mine"
