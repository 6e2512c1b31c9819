"""Fixtures of the vendor's servers."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from pytest_django import Settings

from .historical import FakeHistorical
from .market import Market


@pytest.fixture
def historical(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHistorical]:
    """A historical API with a market, the settings that name it, and caps of 100 US dollars. `.env` has the same
    settings for other processes."""
    server = FakeHistorical(Market()).start()
    folder = tmp_path / "feeds"
    server.variables = {"FEED_DIR": str(folder), "FEED_MAX_USD_PER_RUN": "100", "FEED_MAX_USD_PER_MONTH": "100"}
    server.variables |= {"FEED_BATCH_ABOVE_USD": ""}
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    settings.DATABENTO_API_KEY = server.key
    settings.DATABENTO_HISTORICAL_URL = server.url
    settings.FEED_DIR = folder
    settings.FEED_MAX_USD_PER_RUN = settings.FEED_MAX_USD_PER_MONTH = Decimal(100)
    settings.FEED_BATCH_ABOVE_USD = None
    yield server
    server.stop()
