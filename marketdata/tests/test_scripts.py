"""The scripts of the pages: their own tests, run by Node, and their imports once static files have hashed names."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import override_settings

ROOT = Path(__file__).resolve().parents[2]
NODE = shutil.which("node")
IMPORT = re.compile(r'(?:from|import) "(\.[^"]+)"')
HASHED = re.compile(r"\.[0-9a-f]{12}\.js$")


def test_the_scripts_pass_their_own_tests():
    if NODE is None:
        pytest.skip("THE SCRIPTS ARE NOT TESTED: Node is not installed. Install nodejs, then run the tests again.")
    tests = sorted(map(str, (ROOT / "marketdata/tests/js").glob("*.test.js")))
    assert tests
    done = subprocess.run([NODE, "--test", *tests], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_imports_between_scripts_get_hashed_names(tmp_path):
    storage = {"staticfiles": {"BACKEND": "config.storage.HashedStaticFiles"}}
    with override_settings(STATIC_ROOT=tmp_path, STORAGES=storage):
        call_command("collectstatic", interactive=False, verbosity=0)
    collected = {path for path in (tmp_path / "marketdata/js").rglob("*.js") if HASHED.search(path.name)}
    assert {path.name.split(".")[0] for path in collected} >= {"page", "state", "chart"}
    imported = [path.parent / name for path in collected for name in IMPORT.findall(path.read_text())]
    assert len(imported) > 50
    assert [str(path) for path in imported if not (HASHED.search(path.name) and path.is_file())] == []


def test_package_json_has_exact_versions_and_no_lock():
    """A lock file would record the addresses of a registry."""
    package = json.loads((ROOT / "package.json").read_text())
    assert package["private"] is True
    assert "dependencies" not in package  # browsers load what is below static/
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in package["devDependencies"].values())
    assert "package-lock=false" in (ROOT / ".npmrc").read_text().split()
    assert not list(ROOT.glob("*lock*.json"))
