"""Reads the `.env` file next to manage.py.

A line that is not understood, or a name that looks like a misspelt one, stops the program: going on without it could
mean another database. No message shows a value, since values are secrets.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_LINE = re.compile(
    r"""
    \s* (?:export\s+)? (?P<name>[A-Za-z_][A-Za-z_0-9]*) \s* = \s*
    (?: '(?P<single>[^']*)' | "(?P<double>(?:[^"\\]|\\.)*)" | (?P<plain>[^'"\s] .*?)? )
    (?: \s+\#.* )? \s*
    """,
    re.VERBOSE,
)
# The variables of `.env.example`, and those that the Procfile and the HTTP client read.
NAMES = (
    "BARKEEP_ENV", "DEBUG", "SECRET_KEY", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "DATABASE_URL", "CONN_MAX_AGE",
    "DISABLE_SERVER_SIDE_CURSORS", "WEB_THREADS", "EMBEDDED_PG_HOME", "EMBEDDED_PG_KEEP", "DEFAULT_SERIES",
    "PUBLIC_STATS", "API_RATE_ANONYMOUS", "API_RATE_USER", "TRUSTED_PROXIES", "SECURE_SSL_REDIRECT",
    "SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD", "LOG_LEVEL",
    "DATABENTO_API_KEY", "DATABENTO_HISTORICAL_URL", "DATABENTO_LIVE_GATEWAY", "EXPORTS_PER_PROCESS",
    "FEED_BATCH_ABOVE_USD", "FEED_DAILY_AT", "FEED_DIR", "FEED_MAX_USD_PER_MONTH", "FEED_MAX_USD_PER_RUN",
    "FEED_TIMEOUT_SECONDS", "LIVE_HEARTBEAT_SECONDS", "LIVE_SILENCE_SECONDS", "LIVE_CONNECT_SECONDS",
    "LIVE_NO_BARS_SECONDS", "LIVE_CLOSE_AFTER_SECONDS", "LIVE_LONGEST_PAUSE_SECONDS", "LIVE_REPEAT_AFTER_SECONDS",
    "STREAMS_PER_PROCESS", "STREAMS_PER_ACCOUNT", "STREAM_HEARTBEAT_SECONDS",
    "QUALITY_WITHOUT_WORKER", "NOTIFY_URLS", "NOTIFY_WEBHOOK_URL", "NOTIFY_WEBHOOK_SECRET", "NOTIFY_MIN_SEVERITY",
    "NOTIFY_QUIET_HOURS", "NOTIFY_DIGEST_AT", "NOTIFY_TIME_ZONE", "SITE_URL",
    "LAKE_DIR", "LAKE_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION",
)  # fmt: skip
OTHER_NAMES = (
    "PORT", "WEB_CONCURRENCY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "DJANGO_SETTINGS_MODULE",
    "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION",
)  # fmt: skip
_MAX_TYPOS = 2
_SHORTEST = 5  # letters: shorter names are similar by chance

_ESCAPE = re.compile(r"\\(.)")


def read_env_file(path: Path) -> None:
    """Set the variables of the file that the environment does not have; nothing if there is no file.

    Raises `ImproperlyConfigured` for a file that cannot be read or understood, and for a misspelt name.
    """
    variables = parse_env_file(path)
    for name in list_unread_names(variables):
        if meant := find_meant_name(name):
            raise ImproperlyConfigured(
                f"{path} sets {name}, which no setting reads: write {meant}, or remove the line."
            )
    for name, value in variables.items():
        os.environ.setdefault(name, value)


def list_unread_names(variables: Iterable[str]) -> list[str]:
    """The names that no setting reads. They may be other programs' own."""
    return [name for name in variables if name not in NAMES + OTHER_NAMES]


def find_meant_name(name: str) -> str:
    """The variable of which this name is a misspelling, in another letter case or with one or two typing errors; empty
    if there is none."""
    if len(name) < _SHORTEST:
        return ""
    distances = {known: _count_typos(name.upper(), known) for known in NAMES if len(known) >= _SHORTEST}
    nearest = min(distances, key=lambda known: distances[known])
    return nearest if distances[nearest] <= _MAX_TYPOS else ""


def _count_typos(text: str, other: str) -> int:
    """The Levenshtein distance: how many characters to insert, delete or replace."""
    if abs(len(text) - len(other)) > _MAX_TYPOS:
        return _MAX_TYPOS + 1
    row = list(range(len(other) + 1))
    for number, character in enumerate(text, start=1):
        previous, row[0] = row[0], number
        for column, expected in enumerate(other, start=1):
            previous, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, previous + (character != expected)),
            )
    return row[-1]


def parse_env_file(path: Path) -> dict[str, str]:
    """The variables of the file. Blank lines, comments, `export`, quotes and spaces around = are allowed."""
    found: dict[str, str] = {}
    for number, line in enumerate(_read_lines(path), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None or "\0" in line:
            raise ImproperlyConfigured(
                f"{path}, line {number} is not understood: write NAME=value, with quotes around a value that has "
                "spaces, quotes or #."
            )
        if match["name"] in found:
            raise ImproperlyConfigured(f"{path}, line {number} sets {match['name']} again: remove one of the lines.")
        found[match["name"]] = _read_value(match)
    return found


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        return []
    except UnicodeDecodeError as error:
        raise ImproperlyConfigured(f"{path} is not a text in UTF-8: save it in that encoding.") from error
    except OSError as error:
        raise ImproperlyConfigured(
            f"{path} cannot be read ({error.strerror}): make it a readable file, or remove it."
        ) from error


def _read_value(match: re.Match[str]) -> str:
    if match["double"] is not None:
        return _ESCAPE.sub(r"\1", match["double"])
    return match["single"] if match["single"] is not None else (match["plain"] or "").rstrip()
