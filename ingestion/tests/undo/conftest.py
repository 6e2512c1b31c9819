"""Fixtures of the undo's tests."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from config.testing.undo import ingest_records
from marketdata.models import IngestRun


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., IngestRun]:
    """Writes records to a file of their own and ingests it."""
    return partial(ingest_records, tmp_path)
