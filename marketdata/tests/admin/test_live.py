"""Live series and the sessions of their feeds in the admin."""

from django.forms.models import model_to_dict

from config.testing.rows import insert
from marketdata.models import FeedSession, Series

SESSIONS = "/admin/marketdata/feedsession/"


def post_series(operator, **changes):
    mnq = Series.objects.get(slug="mnq")
    form = {name: "" if value is None else value for name, value in model_to_dict(mnq).items()}
    form |= {"vendor_symbols": ",".join(mnq.vendor_symbols)}
    form = {name: value for name, value in (form | changes).items() if value is not False}
    return operator.post(f"/admin/marketdata/series/{mnq.pk}/change/", form)


def test_a_series_is_switched_to_live(operator):
    assert post_series(operator, live="on").status_code == 302
    assert Series.objects.get(slug="mnq").live


def test_live_needs_a_symbol(operator):
    page = post_series(operator, live="on", feed_symbol="", feed_stype="")
    assert "Give the vendor&#x27;s symbol too, or clear its kind, the daily backfill and live." in page.content.decode()
    assert not Series.objects.get(slug="mnq").live


def test_sessions_are_listed_and_cannot_be_changed(operator):
    insert("market_feed_sessions", id=1, error="The gateway closed the connection after 61 minutes.")
    assert "the gateway closed the connection" in operator.get(SESSIONS).content.decode()
    assert "after 61 minutes." in operator.get(f"{SESSIONS}1/change/").content.decode()
    assert operator.get(f"{SESSIONS}add/").status_code == 403
    assert operator.post(f"{SESSIONS}1/change/", {"end": "died"}).status_code == 403
    assert operator.post(f"{SESSIONS}1/delete/", {"post": "yes"}).status_code == 403
    assert FeedSession.objects.get().end == "eof"
