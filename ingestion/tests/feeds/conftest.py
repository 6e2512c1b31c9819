"""Requests to the historical API of the tests, on a database without any."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ingestion.feeds import retries
from ingestion.feeds.asks import Ask
from ingestion.feeds.client import open_vendor
from marketdata.models import Backfill, FeedRequest, IngestRun, Series
from marketdata.runs.commits import read_database_time

START, END = datetime(2024, 3, 11, tzinfo=UTC), datetime(2024, 3, 13, tzinfo=UTC)


@pytest.fixture
def feeds_db(market_db):
    """The test database; requests are deleted after the test."""
    yield market_db
    IngestRun.objects.filter(feed_request__isnull=False).update(feed_request=None)
    FeedRequest.objects.all().delete()
    Backfill.objects.all().delete()


@pytest.fixture
def fast(monkeypatch, settings):
    """Short pauses and a short timeout, in seconds."""
    monkeypatch.setattr(retries, "FIRST_PAUSE_SECONDS", 0.01)
    settings.FEED_TIMEOUT_SECONDS = 1


@pytest.fixture
def ask():
    return Ask(dataset="GLBX.MDP3", symbol="MNQ.c.0", stype="continuous", start=START, end=END)


@pytest.fixture
def vendor(historical):
    return open_vendor()


@pytest.fixture
def priced(feeds_db, vendor, ask):
    """Makes a priced request for [start, end)."""

    def make(start=START, end=END, **fields):
        own = Ask(dataset=ask.dataset, symbol=ask.symbol, stype=ask.stype, start=start, end=end)
        price = vendor.price(own)
        values = {
            "series": Series.objects.get(slug="mnq"),
            "dataset": own.dataset,
            "stype_in": own.stype,
            "vendor_symbol": own.symbol,
            "start": start,
            "end": end,
            "reason": "missing",
            "state": "priced",
            "priced_at": read_database_time(),
            "priced_usd": price.usd,
            "priced_records": price.records,
        }
        return FeedRequest.objects.create(**(values | fields))

    return make


@pytest.fixture
def running(feeds_db):
    """Makes a backfill with a lowered cap."""

    def make(max_usd=None):
        return Backfill.objects.create(
            started_at=read_database_time(), max_usd=None if max_usd is None else Decimal(max_usd)
        )

    return make
