"""Fixtures of the API's tests."""

import io

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

from config.testing.builders import bars, ingest, together, write


@pytest.fixture
def reader(market_db):
    """A client with an API token, as programs have; `client` is anonymous."""
    out = io.StringIO()
    call_command("make_api_token", "research", stdout=out)
    yield Client(headers={"Authorization": f"Token {out.getvalue().strip()}"})
    get_user_model().objects.filter(username="research").delete()


@pytest.fixture
def records(market_db, tmp_path):
    """Twelve stored bars, with a gap of five minutes after the seventh."""
    written = together(bars(7), bars(5, first=12))
    ingest(write(tmp_path / "mnq.dbn.zst", written))
    return written
