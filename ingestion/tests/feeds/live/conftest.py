"""A gateway at sixty times the speed, whose clock begins on a weekday of the recent past."""

from __future__ import annotations

import pytest

from config.testing.feeds.gateway.clock import Clock
from config.testing.feeds.live import FakeLive
from ingestion.tests.feeds.live.scene import Scene
from marketdata.models import FeedSession, FeedStatus, IngestRun


@pytest.fixture
def live_db(market_db):
    """The test database; sessions are deleted after the test."""
    yield market_db
    IngestRun.objects.filter(feed_session__isnull=False).update(feed_session=None)
    FeedStatus.objects.all().delete()
    FeedSession.objects.all().delete()


@pytest.fixture
def make_scene(live_db, historical):
    """Makes a scene whose market is at a time, at a speed."""
    gateways = []

    def make(start="2026-11-25T15:00", *, speed=60.0, **options) -> Scene:
        gateway = FakeLive(historical.market, clock=Clock(start=start, speed=speed), **options).start()
        gateways.append(gateway)
        historical.now = gateway.clock
        return Scene(gateway, historical)

    yield make
    for gateway in gateways:
        gateway.stop()
