"""Fixtures of the API's tests."""

import io

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from rest_framework.throttling import SimpleRateThrottle

from config.testing.builders import bars, ingest, together, undo_run, write
from config.testing.rows import FAILED, RUNS, insert
from config.testing.web.live_server import serve
from marketdata.models import Series


@pytest.fixture
def token(market_db):
    """An API token, as programs have."""
    out = io.StringIO()
    call_command("make_api_token", "research", stdout=out)
    yield out.getvalue().strip()
    get_user_model().objects.filter(username="research").delete()


@pytest.fixture
def reader(token):
    """A client with an API token; `client` is anonymous."""
    return Client(headers={"Authorization": f"Token {token}"})


@pytest.fixture
def records(market_db, tmp_path):
    """Twelve stored bars, with a gap of five minutes after the seventh."""
    written = together(bars(7), bars(5, first=12))
    ingest(write(tmp_path / "mnq.dbn.zst", written))
    return written


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


@pytest.fixture
def address(market_db, monkeypatch):
    """The address of a live server that does not limit the number of requests."""
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"anon": None, "user": None})
    with serve() as address:
        yield address


@pytest.fixture
def feed(market_db):
    """An open session of mnq, an ended one, and the feed's status of now."""
    mnq = Series.objects.get(slug="mnq")
    Series.objects.filter(pk=mnq.pk).update(live=True)
    insert("market_feed_sessions", id=1, error="The gateway closed the connection.", late=2)
    insert("market_feed_sessions", id=2, ended_at=None, end="")
    insert("market_feed_session_series", series_id=mnq.pk, session_id=2, vendor_symbol="MNQZ6")
    now = timezone.now()
    insert("market_feed_status", session_id=2, seen_at=now, since=now, reconnects=1, spool_files=3, lag_ms=31)
    return mnq
