"""The key of the vendor's account. Only `client.py` and the live feed read it; others may ask whether one is set."""

from __future__ import annotations

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from ingestion.feeds.errors import KeyMissing

SET_KEY = "set DATABENTO_API_KEY to the key of a Databento account (it starts with db-), in the environment or in .env"


def has_key() -> bool:
    """Whether a key is set. It may still be a wrong one."""
    return bool(settings.DATABENTO_API_KEY.strip())


@sensitive_variables("key")
def read_key() -> str:
    """The key. Raises `KeyMissing`, without what is set, if it cannot be one."""
    key: str = settings.DATABENTO_API_KEY.strip()
    if not key:
        raise KeyMissing(f"No key is set: {SET_KEY}.")
    if not (key.isascii() and key.isprintable()) or " " in key or key == "YOUR_API_KEY":
        raise KeyMissing(f"DATABENTO_API_KEY is not a key of Databento: {SET_KEY}.")
    return key
