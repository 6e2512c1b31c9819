"""Who holds the lock that a session waits for: a run, or the session of another program."""

from __future__ import annotations

from datetime import datetime

from django.db.backends.utils import CursorWrapper

from config.connections.probe import Probe
from marketdata.advisory_locks import RUN_CLASS

# The run of a session is the one whose lock it holds. A role may not see the names of other roles' sessions.
_DESCRIBE = """
SELECT holder.pid, run.id, coalesce(nullif(run.file_name, ''), run.kind), activity.application_name, activity.usename,
    host(activity.client_addr), coalesce(run.started_at, activity.xact_start, activity.backend_start)
FROM {holders} AS holder (pid)
LEFT JOIN pg_stat_activity AS activity ON activity.pid = holder.pid
LEFT JOIN pg_locks AS locks
    ON locks.pid = holder.pid AND locks.locktype = 'advisory' AND locks.granted AND locks.classid = %(class)s
    AND locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
LEFT JOIN data_ingest_runs AS run ON run.status = 'running' AND run.id %% 2147483648 = locks.objid::int8
ORDER BY run.id NULLS LAST, holder.pid
"""
_HOLDERS = _DESCRIBE.format(holders="unnest(pg_blocking_pids(%(pid)s))")
_SESSIONS = _DESCRIBE.format(holders="unnest(%(pids)s)")
_TABLE_HOLDERS = _DESCRIBE.format(
    holders="""(
    SELECT DISTINCT locks.pid
    FROM pg_locks AS locks
    JOIN pg_class AS class ON class.oid = locks.relation
    WHERE locks.locktype = 'relation' AND locks.granted AND locks.pid <> pg_backend_pid()
        AND locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND class.relname ~ '^market_bars_ohlcv_1m(_[0-9]+)?$' AND class.relkind IN ('r', 'p')
)"""
)


def find_holder(probe: Probe, pid: int) -> str:
    """The run or session for which the server process `pid` waits, in a few words; empty if it does not wait."""
    return _describe_first(probe.query(_HOLDERS, {"pid": pid, "class": RUN_CLASS}))


def find_table_holder(cursor: CursorWrapper) -> str:
    """The same of the sessions that use the table of bars at this moment."""
    cursor.execute(_TABLE_HOLDERS, {"class": RUN_CLASS})
    return _describe_first(cursor.fetchall())


def describe_sessions(cursor: CursorWrapper, pids: list[int]) -> str:
    """The same of the sessions of these server processes."""
    cursor.execute(_SESSIONS, {"pids": pids, "class": RUN_CLASS})
    return _describe_first(cursor.fetchall())


def _describe_first(holders: list[tuple]) -> str:
    if not holders:
        return ""
    more = f", and {len(holders) - 1} more" if len(holders) > 1 else ""
    return f"{_describe(*holders[0])}{more}"


def _describe(
    pid: int,
    run_id: int | None,
    title: str | None,
    application: str | None,
    user: str | None,
    host: str | None,
    since: datetime | None,
) -> str:
    what = f"run {run_id} ({title})" if run_id else "a session of another program"
    details = [
        application or "",
        f"user {user}" if user and not run_id else "",
        f"from {host}" if host else "",
        f"server process {pid}",
        f"since {since:%Y-%m-%d %H:%M:%S} UTC" if since else "",
    ]
    return f"{what}: {', '.join(filter(None, details))}"
