"""Trading days in files, for commands that read a few of them and end: importing the library and computing a year
costs more than a second, and reading a file some milliseconds.

A file is one calendar and year. Its name has a digest of what makes the days: the versions of the libraries and the
code of this package. A file that cannot be read or written costs time, nothing else.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

logger = logging.getLogger(__name__)

_LIBRARIES = ("pandas_market_calendars", "exchange_calendars", "pandas", "tzdata")
_folder: Path | None = None

Row = list[object]  # of a trading day, as JSON has it


class StoredYear(NamedTuple):
    """The trading days of a calendar and year, and its time zone."""

    zone: str
    days: list[Row]


def use_folder(folder: Path | None) -> None:
    """Read and write days there from now on; None: nowhere, which is the default."""
    global _folder
    _folder = folder


def read_year(calendar: str, year: int) -> StoredYear | None:
    """The stored days; None if there are none."""
    if _folder is None:
        return None
    try:
        zone, days = json.loads(_find_path(_folder, calendar, year).read_text())
    except (OSError, ValueError, TypeError):
        return None
    return StoredYear(str(zone), list(days))


def write_year(calendar: str, year: int, stored: StoredYear) -> None:
    """Store the days, if a folder is in use and can be written. Readers see all of the file or none."""
    if _folder is None:
        return
    path = _find_path(_folder, calendar, year)
    partial = path.with_suffix(f".{os.getpid()}")
    try:
        _folder.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(stored))
        partial.replace(path)
    except OSError as error:
        logger.debug("Trading days are not stored: %s", error)
        with suppress(OSError):
            partial.unlink()


def _find_path(folder: Path, calendar: str, year: int) -> Path:
    return folder / f"{quote(calendar, safe='')}-{year}-{_digest()}.json"


@cache
def _digest() -> str:
    digest = hashlib.sha256()
    for library in _LIBRARIES:
        with suppress(ModuleNotFoundError):
            digest.update(f"{library} {version(library)}\n".encode())
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
