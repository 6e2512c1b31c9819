from pathlib import Path

import pytest

from config.testing.builders import bars, write


@pytest.fixture
def path(tmp_path) -> Path:
    """An MNQ file of 1,200 bars."""
    return write(tmp_path / "mnq.dbn.zst", bars(1200))
