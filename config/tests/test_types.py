"""Types are checked without blanket exceptions: each `type: ignore` names its error and a reason."""

import configparser
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IGNORE = re.compile(r"#\s*type:\s*ignore")
WITH_REASON = re.compile(r"#\s*type:\s*ignore\[[a-z-]+\]  # \w+ \w+")


def list_python_files() -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("NOT TESTED: this is not a git checkout")
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for path in listed.stdout.splitlines() if (ROOT / path).is_file()]


def test_each_ignored_error_is_named_and_has_a_reason():
    found = [
        f"{path}:{number}"
        for path in list_python_files()
        if path != "config/tests/test_types.py"
        for number, line in enumerate((ROOT / path).read_text().splitlines(), start=1)
        if IGNORE.search(line) and not WITH_REASON.search(line)
    ]
    assert found == [], "write `# type: ignore[code]  # the reason`"


@pytest.mark.parametrize(
    "line, is_good",
    [
        ("x = y  # type: ignore", False),
        ("x = y  # type: ignore[attr-defined]", False),
        ("x = y  # type: ignore[attr-defined]  # only PostgreSQL has it", True),
    ],
)
def test_a_reason_is_required(line, is_good):
    assert bool(WITH_REASON.search(line)) is is_good


def test_only_named_packages_have_no_types():
    settings = configparser.ConfigParser()
    settings.read(ROOT / ".mypy.ini")
    options = {(section, name) for section in settings.sections() for name in settings[section]}
    assert not [section for section, name in options if name in ("ignore_errors", "disable_error_code")]
    sections = {section for section, name in options if name == "ignore_missing_imports"}
    assert sections
    assert all(re.fullmatch(r"mypy-\w+\.\*", section) for section in sections), "one section a package"
