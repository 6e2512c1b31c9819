"""Fixtures of the admin's tests."""

import pytest
from django.contrib.auth import get_user_model


@pytest.fixture
def operator(market_db, client):
    """A client of a user who may do everything in the admin."""
    user = get_user_model().objects.create_superuser("operator", password="not a secret 1")
    client.force_login(user)
    yield client
    user.delete()
