from pathlib import Path

import pytest

from config.testing.batches import write_contract


@pytest.fixture
def four(tmp_path) -> list[Path]:
    """Four files in `tmp_path`, a.dbn to d.dbn, of the series A to D."""
    return [write_contract(tmp_path, name, name.upper()) for name in ("a", "b", "c", "d")]
