"""A series with many bars, and the Procfile's server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.utils import timezone

from benchmarks.harness.measure import invent_bars
from benchmarks.web.clients import Target
from config.testing.processes import database_url
from marketdata.access.tokens import issue_token
from marketdata.models import ApiToken, IngestRun, Series

BARS = 120_000


@pytest.fixture(autouse=True)
def connections_left_open() -> Iterator[None]:
    """As Django's test client does: requests in this process do not close the connection of other tests."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def url(market_db) -> str:
    IngestRun.objects.create(pk=1, file_name="invented", file_path="invented", started_at=timezone.now())
    invent_bars(Series.objects.get(slug="mnq").symbol, first=datetime(2015, 1, 1, tzinfo=UTC), bars=BARS)
    return database_url()


@pytest.fixture
def aim(url) -> Iterator[Callable[..., Target]]:
    """Makes the target of clients that end after so many seconds."""
    token = issue_token(name="web", renew=False, scope=ApiToken.Scope.READ, expires_at=None)

    def make(server, seconds: float = 20) -> Target:
        return Target(server.port, token, "mnq", time.monotonic() + seconds)

    yield make
    get_user_model().objects.all().delete()
