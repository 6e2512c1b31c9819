"""Fixtures of the tests of bars."""

import io
from datetime import datetime

import numpy as np
import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.utils import timezone

from config.testing.builders import bars
from config.testing.history import change_volumes, ingest_records, read_stored


@pytest.fixture
def reader(market_db, client):
    """A client that sends an API token, as a program does."""
    out = io.StringIO()
    call_command("make_api_token", "research", stdout=out)
    client.defaults["HTTP_AUTHORIZATION"] = f"Token {out.getvalue().strip()}"
    yield client
    get_user_model().objects.filter(username="research").delete()


@pytest.fixture
def load(market_db, tmp_path):
    """Ingests records from a file of their own, and returns a moment after that."""
    numbers = iter(range(1000))

    def load(records: np.ndarray, **options) -> datetime:
        ingest_records(tmp_path / f"{next(numbers)}.dbn", records, **options)
        return timezone.now()

    return load


@pytest.fixture
def corrected(load):
    """Ten bars; a moment, and the bars at it; then two of them corrected and two new."""
    moment = load(bars(10))
    seen = read_stored()
    load(change_volumes(bars(12), 2, 3))
    return moment, seen
