"""The condition.json that Databento delivers with its files: for each day whether the dataset's data are final.

`available` is final. `degraded` data may lack records, `pending` data are not complete yet, and there are no `missing`
data.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ingestion.dbn.opening import read_small
from ingestion.errors import UnreadableFile

_MAX_SIZE = 1 << 25  # bytes: a century of days has 4 MB

AVAILABLE, PENDING = "available", "pending"
_UNFINISHED = ("degraded", PENDING, "missing")


@dataclass(frozen=True)
class DayConditions:
    """The conditions that the file `path` lists: UTC date and condition."""

    path: Path
    days: Sequence[tuple[date, str]]

    def find_unfinished(self, start: date, end: date) -> dict[date, str]:
        """The days from `start` to the day before `end` whose data are not final, with their conditions."""
        return {day: condition for day, condition in self.days if start <= day < end and condition != AVAILABLE}


def summarize_conditions(path: Path, start: date, end: date) -> dict[str, Any] | None:
    """What the audit trail keeps of the conditions beside the file: its dates from `start` to the day before `end`, and
    those that are not available. None without a condition.json that can be read: a file can be loaded all the same."""
    try:
        conditions = read_conditions(path)
    except UnreadableFile:
        return None
    if conditions is None:
        return None
    days = {
        day.isoformat(): condition
        for day, condition in conditions.find_unfinished(start, end).items()
        if condition in _UNFINISHED
    }
    return {"start": start.isoformat(), "end": end.isoformat(), "days": days}


def read_conditions(path: Path) -> DayConditions | None:
    """The conditions in the folder of the file `path`; None without a condition.json.

    Raises `UnreadableFile` for one that cannot be read or parsed.
    """
    conditions = path.with_name("condition.json")
    try:
        listed = json.loads(read_small(conditions, _MAX_SIZE))
        days = [(date.fromisoformat(day["date"]), str(day["condition"])) for day in listed]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnreadableFile(f"{conditions} cannot be read ({error.strerror})", path=path) from error
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError, MemoryError) as error:
        raise UnreadableFile(f"{conditions} cannot be parsed", path=path) from error
    return DayConditions(conditions, days)
