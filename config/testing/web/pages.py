"""Helpers for tests of pages with Django's test client."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import global_settings
from django.contrib.auth import get_user_model
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from pytest_django import Settings

from marketdata.models import IngestRun

RUN_TIME = datetime(2024, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def page_client(market_db: BaseDatabaseWrapper) -> Iterator[Client]:
    """A client that is logged in as a superuser."""
    user = get_user_model().objects.create_superuser("reader", "", "reader")
    client = Client()
    client.force_login(user)
    yield client
    user.delete()


@pytest.fixture
def production_hasher(settings: Settings) -> None:
    """Passwords are hashed as in production: for tests of how long that takes."""
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS


def read_page(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def create_failed_run(**changes: object) -> IngestRun:
    fields: dict[str, Any] = {
        "file_name": "mnq.dbn", "file_path": "/data/mnq.dbn", "started_at": RUN_TIME, "finished_at": RUN_TIME,
        "status": "failed", "error": "The file is cut off: download it again.",
    }  # fmt: skip
    return IngestRun.objects.create(**(fields | changes))


def create_successful_run(**changes: object) -> IngestRun:
    fields: dict[str, Any] = {
        "status": "success", "error": "", "row_count": 1, "inserted_count": 1, "min_ts": RUN_TIME, "max_ts": RUN_TIME,
        "file_sha256": "a" * 64, "symbols": ["CME_MINI:MNQ1!"],
    }  # fmt: skip
    return create_failed_run(**(fields | changes))
