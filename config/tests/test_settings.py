"""Which settings start and which are refused. Each case runs in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMPLETE = {
    "BARKEEP_ENV": "production",
    "SECRET_KEY": "for-this-test-only-0123456789-abcdefghijklmnopqrstuvwxyz",
    "ALLOWED_HOSTS": "barkeep.example.com",
    "DATABASE_URL": "postgresql://user@db.invalid/name",
}


def _run(*command: str, **environment: str) -> subprocess.CompletedProcess:
    # An empty variable overrides the developer's own .env file.
    neutral = dict.fromkeys(("SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL"), "")
    clean = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=clean | neutral | environment, capture_output=True, text=True
    )


def test_production_starts_with_complete_settings():
    done = _run("manage.py", "check", "--deploy", "--fail-level", "WARNING", **COMPLETE)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY is shorter than 50 characters"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS is not set"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS is '*'"),
        ({"DATABASE_URL": ""}, "DATABASE_URL is not set"),
        ({"DEBUG": "on"}, "DEBUG is on"),
        ({"DATABASE_URL": "sqlite:///db.sqlite3"}, "does not name a PostgreSQL"),
        ({"DATABASE_URL": "postgres://u:p@host:abc/name"}, "does not name a PostgreSQL"),
        ({"BARKEEP_ENV": "prod"}, "BARKEEP_ENV is 'prod'"),
    ],
)
def test_production_refuses_to_start_half_configured(change, message):
    done = _run("manage.py", "check", **(COMPLETE | change))
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("text", ["maybe", "onn", "2"])
@pytest.mark.parametrize(("name", "unset"), [("PUBLIC_STATS", "on"), ("DEBUG", "off"), ("EMBEDDED_PG_KEEP", "off")])
def test_an_invalid_switch_stops_the_start(name, unset, text):
    done = _run("manage.py", "check", **{name: text})
    assert done.returncode == 1
    assert done.stderr == (
        f"Configuration error: {name} is {text!r}: set it to on or off, or unset it (default: {unset}).\n"
    )


@pytest.mark.parametrize("name", ["SECURE_SSL_REDIRECT", "SECURE_HSTS_PRELOAD", "DISABLE_SERVER_SIDE_CURSORS"])
def test_an_invalid_switch_stops_production(name):
    done = _run("manage.py", "check", **(COMPLETE | {name: "perhaps"}))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"{name} is 'perhaps': set it to on or off" in done.stderr


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("API_RATE_USER", "lots", "set it to a number of requests per s, min, hour or day, such as 1200/min."),
        ("API_RATE_USER", "5", "set it to a number of requests per"),
        ("API_RATE_ANONYMOUS", "5/fortnight", "such as 120/min"),
        ("API_RATE_ANONYMOUS", "0/min", "such as 120/min"),
        ("LOG_LEVEL", "loud", "set it to one of DEBUG, INFO, WARNING"),
        ("CONN_MAX_AGE", "long", "set it to an integer, or unset it (default: 60)."),
        ("SECURE_HSTS_SECONDS", "-1", "set it to an integer"),
    ],
)
def test_an_invalid_value_stops_the_start(name, text, message):
    done = _run("manage.py", "check", **(COMPLETE | {name: text}))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert f"{name} is {text!r}: " in done.stderr
    assert message in done.stderr


def test_an_empty_variable_means_the_default():
    empty = dict.fromkeys(("DEBUG", "PUBLIC_STATS", "API_RATE_USER", "LOG_LEVEL", "CONN_MAX_AGE"), " ")
    done = _run("manage.py", "check", **(COMPLETE | empty))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["config.wsgi", "config.asgi"])
def test_a_web_server_defaults_to_production(module):
    done = _run("-c", f"import {module}")
    assert done.returncode != 0
    assert "production settings are incomplete" in done.stderr


def test_the_server_of_the_procfile_ends_with_one_sentence():
    """By its exit code uvicorn knows that another process would end in the same way."""
    done = _run("-c", "import config.asgi")
    assert (done.returncode, done.stderr.count("\n")) == (3, 1), done.stderr


def test_development_needs_nothing_and_starts_no_database(tmp_path):
    home = tmp_path / "postgres"
    done = _run("manage.py", "check", EMBEDDED_PG_HOME=str(home))
    assert done.returncode == 0, done.stderr
    assert not home.exists()


def test_every_variable_is_in_the_example_file():
    import re

    sources = [ROOT / "config" / "settings.py", *(ROOT / "config" / "embedded").glob("*.py")]
    text = "\n".join(path.read_text() for path in sources)
    read = set(re.findall(r"env(?:\.\w+)?\(\s*\"([A-Z_]+)\"", text)) | set(re.findall(r"EMBEDDED_PG_\w+", text))
    example = (ROOT / ".env.example").read_text()
    assert read
    assert [name for name in sorted(read) if f"#{name}=" not in example] == []
