"""The progress of running runs, readable while the transaction of a load is open.

A load writes nothing that others can see before it commits. So its process has a second session, and the name of that
session (`application_name`) states the progress. Every role may set it and read it, it works on a connection that may
only read, and it ends with the process.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.db import connection

# The first word of a step stands for it: PostgreSQL keeps 63 bytes of a session's name.
STEPS = (
    "Opening",
    "Waiting for other writers of these series",
    "Reading",
    "Storing",
    "Finding what later runs have changed",
    "Undoing",
    "Moving bars",
)
_STEP_BY_WORD = {step.partition(" ")[0]: step for step in STEPS}
_MAX_BYTES = 63
_PATTERN = re.compile(r"barkeep (\d{1,18}) ([A-Z][a-z]{1,15}) (\d{1,15})/(\d{1,15}) (\d{1,15})")
_SESSIONS = """
SELECT application_name FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'barkeep _%'
"""


@dataclass(frozen=True)
class RunProgress:
    """How far a run is: its step, bytes of the file and its size, and rows.

    Rows are those read so far; of an undo, the bars that it writes; of a split, the bars that have moved. An undo and a
    split have no file: their bytes are 0.
    """

    step: str = STEPS[0]
    bytes_read: int = 0
    bytes_total: int = 0
    rows: int = 0

    @property
    def percent(self) -> int | None:
        """The part of the file that was read, 0 to 100; None without a file."""
        return min(100, 100 * self.bytes_read // self.bytes_total) if self.bytes_total else None

    def format_name(self, run_id: int) -> str:
        """The session's name."""
        word = self.step.partition(" ")[0]
        return f"barkeep {run_id} {word} {self.bytes_read}/{self.bytes_total} {self.rows}"[:_MAX_BYTES]


def parse_name(name: str) -> tuple[int, RunProgress] | None:
    """The run and its progress; None if the name is another one."""
    found = _PATTERN.fullmatch(name)
    if not found:
        return None
    run_id, word, bytes_read, bytes_total, rows = found.groups()
    return int(run_id), RunProgress(_STEP_BY_WORD.get(word, word), int(bytes_read), int(bytes_total), int(rows))


def read_progress() -> dict[int, RunProgress]:
    """The progress of all running runs by id. A run that began less than a second ago may be missing."""
    with connection.cursor() as cursor:
        cursor.execute(_SESSIONS)
        return dict(found for (name,) in cursor.fetchall() if (found := parse_name(name)))
