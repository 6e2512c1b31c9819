"""The .env file is understood completely, or the program stops."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from config.env_file import NAMES, parse_env_file, read_env_file


@pytest.mark.parametrize(
    "content, expected",
    [
        ("A=1\nB_2=two\n", {"A": "1", "B_2": "two"}),
        ("\ufeffA=1", {"A": "1"}),
        ("A = 1\r\n  B\t=2  \r\n", {"A": "1", "B": "2"}),
        ("export A=1", {"A": "1"}),
        ("# a comment\n\n   # another\nA=1 # why\nB=a#b", {"A": "1", "B": "a#b"}),
        (
            'A=\'single # quoted\' # why\nB="double \\" \\\\ quoted"',
            {"A": "single # quoted", "B": 'double " \\ quoted'},
        ),
        ("A=\nB=''", {"A": "", "B": ""}),
        ("A=$x\nB=a=b$c", {"A": "$x", "B": "a=b$c"}),
        (
            "URL=postgresql://u:p%40ss@h:5432/n?sslmode=require",
            {"URL": "postgresql://u:p%40ss@h:5432/n?sslmode=require"},
        ),
        ("A=two words", {"A": "two words"}),
        ("", {}),
    ],
)
def test_lines_that_are_understood(tmp_path, content, expected):
    path = tmp_path / ".env"
    path.write_bytes(content.encode())
    assert parse_env_file(path) == expected


@pytest.mark.parametrize(
    "line",
    ["A", "A: secret", "A-B=secret", "1A=secret", "A='secret", 'A="secret', "A='a' secret", "=secret", "A=sec\0ret"],
)
def test_any_other_line_is_named_without_its_value(tmp_path, line):
    path = tmp_path / ".env"
    path.write_text(f"OK=1\n{line}\n")
    with pytest.raises(ImproperlyConfigured, match=r"\.env, line 2 is not understood: write NAME=value") as refusal:
        parse_env_file(path)
    assert "sec" not in str(refusal.value)


def test_a_name_that_is_set_twice_is_refused(tmp_path):
    (tmp_path / ".env").write_text("A=1\nB=2\nA=3\n")
    with pytest.raises(ImproperlyConfigured, match=r"line 3 sets A again"):
        parse_env_file(tmp_path / ".env")


@pytest.mark.parametrize("content", ["# Schlüssel\nA=1".encode("latin-1"), "A=1".encode("utf-16")])
def test_another_encoding_is_refused(tmp_path, content):
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(ImproperlyConfigured, match=r"\.env is not a text in UTF-8: save it in that encoding"):
        parse_env_file(tmp_path / ".env")


def test_a_folder_of_that_name_is_refused_and_a_missing_file_is_none(tmp_path):
    assert parse_env_file(tmp_path / ".env") == {}
    with pytest.raises(ImproperlyConfigured, match=r"cannot be read \(Is a directory\)"):
        parse_env_file(tmp_path)


def test_the_environment_has_precedence(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("BARKEEP_A=file\nBARKEEP_B=file\n")
    monkeypatch.setenv("BARKEEP_A", "environment")
    monkeypatch.delenv("BARKEEP_B", raising=False)
    read_env_file(tmp_path / ".env")
    assert (os.environ["BARKEEP_A"], os.environ.pop("BARKEEP_B")) == ("environment", "file")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("DATABSE_URL", "DATABASE_URL"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("DATABASEURL", "DATABASE_URL"),
        ("database_url", "DATABASE_URL"),
        ("ALOWED_HOST", "ALLOWED_HOSTS"),
        ("DEBUGG", "DEBUG"),
        ("SECERT_KEY", "SECRET_KEY"),
    ],
)
def test_a_misspelt_name_stops_the_program(tmp_path, name, meant):
    (tmp_path / ".env").write_text(f"{name}=secret\n")
    with pytest.raises(ImproperlyConfigured) as refusal:
        read_env_file(tmp_path / ".env")
    assert str(refusal.value) == (
        f"{tmp_path}/.env sets {name}, which no setting reads: write {meant}, or remove the line."
    )
    assert name not in os.environ


@pytest.mark.parametrize("name", ["DATABENTO_ACCOUNT", "POSTGRES_PASSWORD", "PORT", "TZ", "DATABASE_URL_OF_REPLICA"])
def test_names_of_other_programs_are_set(tmp_path, monkeypatch, name):
    monkeypatch.delenv(name, raising=False)
    (tmp_path / ".env").write_text(f"{name}=x\n")
    read_env_file(tmp_path / ".env")
    assert os.environ.pop(name) == "x"


def test_the_names_are_those_of_the_example_file():
    example = Path(settings.BASE_DIR, ".env.example").read_text()
    assert sorted(NAMES) == sorted(re.findall(r"^#([A-Z_]+)=", example, re.MULTILINE))


@pytest.fixture
def project(tmp_path):
    """A copy of the project with a `.env` of its own."""
    root = Path(settings.BASE_DIR)
    for name in ("manage.py", "config"):
        copy = shutil.copytree if (root / name).is_dir() else shutil.copy
        copy(root / name, tmp_path / name)
    for name in ("marketdata", "ingestion", "templates"):
        (tmp_path / name).symlink_to(root / name)
    return tmp_path


def check(project: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "manage.py", "check"]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)


def test_check_reports_a_name_that_no_setting_reads(project):
    (project / ".env").write_text("DATABENTO_ACCOUNT=secret\nLOG_LEVEL=INFO\n")
    done = check(project)
    assert done.returncode == 0
    assert (
        f"{project}/.env sets DATABENTO_ACCOUNT, which is a name that no setting reads: see .env.example for the names."
        in done.stderr
    )
    assert "secret" not in done.stderr
    (project / ".env").write_text("DATABSE_URL=postgresql://secret@host/name\n")
    done = check(project)
    assert (done.returncode, done.stderr) == (
        1,
        f"Configuration error: {project}/.env sets DATABSE_URL, which no setting reads: write DATABASE_URL, or remove "
        "the line.\n",
    )
