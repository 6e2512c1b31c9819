"""The keys of all advisory locks: two kinds of work must not share one, or each would wait for the other.

A key is a pair of 32-bit numbers. Its first half separates these locks from those of other programs. Where the second
half is a number of the work (a series, a run), only the first half, the class, is listed.
"""

from __future__ import annotations

from django.db.backends.utils import CursorWrapper

# Classes: the second half is the number of the series, run, request or worker.
SERIES_CLASS = 0x4241_5201  # one program at a time writes a series
RUN_CLASS = 0x4241_5202  # held while a run is running
COMMIT_CLASS = 0x4241_5203  # held while a run is being committed
REQUEST_CLASS = 0x4241_5204  # one request at a time for a run
FINDINGS_CLASS = 0x4241_5207  # one writer at a time of the findings of a series
WORKER_CLASS = 0x4241_5208  # held while a worker lives

_SINGLE_CLASS = 0x4241_5206
BUDGET = (_SINGLE_CLASS, 1)  # one program at a time spends
BACKFILL = (_SINGLE_CLASS, 2)  # one backfill at a time
LIVE = (_SINGLE_CLASS, 3)  # one receiver of live bars
ALERTS = (_SINGLE_CLASS, 4)  # two processes raise one alert
QUALITY_CHECKS = (_SINGLE_CLASS, 5)  # shared by all checks
DAILY_BACKFILL = (_SINGLE_CLASS, 6)  # two workers request one daily backfill
LAKE_EXPORT = (_SINGLE_CLASS, 7)  # one export to the lake at a time
PARTITIONS = (_SINGLE_CLASS, 8)  # one command at a time partitions, archives or restores

_HOLDERS = """
SELECT pid FROM pg_locks
WHERE locktype = 'advisory' AND granted AND classid = %s AND objid = %s AND objsubid = 2
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
# A role may not see the name and the address of other roles' sessions.
_HOLDER = """
SELECT application_name, host(client_addr) FROM pg_stat_activity WHERE pid = %s
"""


def find_holders(cursor: CursorWrapper, key: tuple[int, int]) -> list[int]:
    """The server processes of the sessions that hold the lock of this key."""
    cursor.execute(_HOLDERS, key)
    return [pid for (pid,) in cursor.fetchall()]


def describe_holder(cursor: CursorWrapper, key: tuple[int, int]) -> str:
    """The session that holds the lock of this key: its name, address and server process; empty if none holds it."""
    pids = find_holders(cursor, key)
    if not pids:
        return ""
    cursor.execute(_HOLDER, [pids[0]])
    application, host = cursor.fetchone() or (None, None)
    return ", ".join(filter(None, [application, host and f"from {host}", f"server process {pids[0]}"]))
