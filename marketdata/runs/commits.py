"""Commits in progress. A read as of a time waits for those that could still change its answer.

A run's changes count from its `finished_at`. The run reads that time last, but other sessions see its changes only when
the commit is complete: a read as of a time between the two would miss them, and the same read would find them later.
So a run holds an advisory lock from before it reads the time until its commit is visible, and reads wait for the locks.
"""

from __future__ import annotations

import time
from datetime import datetime

from django.db import connection
from django.db.backends.utils import CursorWrapper

from marketdata.advisory_locks import COMMIT_CLASS

# Its listeners get the number of each run whose changes are committed.
CHANNEL = "market_runs"

# The first half of the lock's key. The second half is the run's number.

MAX_WAIT_SECONDS = 5.0
_POLL_SECONDS = 0.01

# A run that is not visible as `running` yet has no lock that matters: it will finish after this statement began.
_FIND_COMMITS = """
SELECT run.id
FROM pg_locks AS locks
JOIN data_ingest_runs AS run ON (run.id %% 2147483648) = locks.objid::int8
WHERE locks.locktype = 'advisory' AND locks.granted AND locks.classid = %(class)s
    AND locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND run.status = 'running' AND run.started_at <= %(as_of)s
"""


class CommitInProgress(Exception):
    """The commit of a run has not ended in time, so the bars as of the requested time are not known yet."""

    def __init__(self, run_id: int) -> None:
        super().__init__(
            f"Run {run_id} is being committed, so the bars as of this time are not known yet: try again in a few "
            "seconds, or request an earlier time."
        )
        self.run_id = run_id


def announce_commit(cursor: CursorWrapper, run_id: int) -> None:
    """Hold the lock of the run's commit until this transaction ends. The run's `finished_at` is read after this."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [COMMIT_CLASS, run_id % 2**31])


def notify_commit(cursor: CursorWrapper, run_id: int) -> None:
    """Let PostgreSQL notify who listens on `CHANNEL` as soon as this transaction is committed, and only then."""
    cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, str(run_id)])


def wait_for_commits(as_of: datetime, *, seconds: float = MAX_WAIT_SECONDS) -> None:
    """Wait until no commit in progress can have a `finished_at` up to `as_of`, a UTC time that is not in the future.

    From then on, reads as of this time do not change. Raises `CommitInProgress` if a commit takes longer. On a replica,
    where locks of the primary are not visible, nothing is waited for.
    """
    waiting = _find_commits(as_of)
    deadline = time.monotonic() + seconds
    while waiting:
        if time.monotonic() > deadline:
            raise CommitInProgress(min(waiting))
        time.sleep(_POLL_SECONDS)
        waiting &= _find_commits(as_of)  # commits that began meanwhile finish later


def read_database_time() -> datetime:
    """The time of the database's clock: one clock for all machines that write and read. UTC."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def _find_commits(as_of: datetime) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(_FIND_COMMITS, {"class": COMMIT_CLASS, "as_of": as_of})
        return {run_id for (run_id,) in cursor.fetchall()}
