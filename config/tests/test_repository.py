"""What git tracks: no market data, which is licensed, and a changelog of the version."""

import subprocess
from pathlib import Path

import pytest

from config import __version__

ROOT = Path(__file__).resolve().parents[2]


def test_git_tracks_no_market_data():
    if not (ROOT / ".git").exists():
        pytest.skip("NOT TESTED: this is not a git checkout")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    assert "manage.py" in tracked
    raw = (".dbn", ".zst", ".dbz", ".parquet")
    assert [
        name for name in tracked if name.endswith(raw) or (name.startswith("data/") and name.endswith(".json"))
    ] == []


@pytest.mark.parametrize("name", ["raw/x.dbn", "raw/x.dbn.zst", "raw/manifest.json", "processed/deep/x.json"])
def test_git_ignores_downloaded_files(name):
    if not (ROOT / ".git").exists():
        pytest.skip("NOT TESTED: this is not a git checkout")
    done = subprocess.run(["git", "check-ignore", "-q", f"data/databento/mnq/ohlcv_1m/{name}"], cwd=ROOT)
    assert done.returncode == 0


def test_the_changelog_has_the_version():
    assert f"\n## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text()
