"""Reads the `.env` file next to manage.py.

A line that is not understood stops the program: going on without it could mean another database. No message shows a
value, since values are secrets.
"""

from __future__ import annotations

import os
import re
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
_ESCAPE = re.compile(r"\\(.)")


def read_env_file(path: Path) -> None:
    """Set the variables of the file that the environment does not have; nothing if there is no file.

    Raises `ImproperlyConfigured` for a file that cannot be read or understood.
    """
    for name, value in parse_env_file(path).items():
        os.environ.setdefault(name, value)


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
