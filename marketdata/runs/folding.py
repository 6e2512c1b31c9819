"""The list of runs as pages show it: the runs of a live session, one a minute, are one entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from marketdata.models import FeedSession, IngestRun
from marketdata.runs.query import RUNS_PER_PAGE, prefetch_undos

# Each step finds the next session by the index of the runs on their session, and so does its newest run. Sessions with
# runs are few a day. An open session may be older than others: they are of other datasets.
_SESSIONS = """
WITH RECURSIVE sessions (id) AS (
    (SELECT max(feed_session_id) FROM data_ingest_runs WHERE feed_session_id IS NOT NULL)
    UNION ALL
    SELECT (SELECT max(feed_session_id) FROM data_ingest_runs WHERE feed_session_id < sessions.id)
    FROM sessions WHERE sessions.id IS NOT NULL
),
newest AS (
    SELECT sessions.id, last.run
    FROM sessions
    CROSS JOIN LATERAL (
        SELECT id AS run FROM data_ingest_runs
        WHERE feed_session_id = sessions.id
            AND (%(symbol)s::varchar IS NULL OR (status = 'success' AND symbols @> ARRAY[%(symbol)s::varchar]))
        ORDER BY feed_session_id DESC, id DESC LIMIT 1
    ) AS last
    WHERE sessions.id IS NOT NULL AND (%(before)s::bigint IS NULL OR last.run < %(before)s::bigint)
    LIMIT %(limit)s
)
SELECT id, run FROM newest ORDER BY run DESC
"""
_COUNTS = """
SELECT feed_session_id, count(*) FROM data_ingest_runs WHERE feed_session_id = ANY (%s) GROUP BY feed_session_id
"""
_FAILED = """
SELECT feed_session_id, count(*) FROM data_ingest_runs
WHERE status = 'failed' AND feed_session_id = ANY (%s) GROUP BY feed_session_id
"""
# More than a page, since sessions of several datasets overlap.
_MAX_SESSIONS = 4 * RUNS_PER_PAGE


@dataclass(frozen=True)
class SessionRuns:
    """The runs of a live session. `newest`: the id of the last one, which is the place of the entry in the list."""

    session: FeedSession
    newest: int
    run_count: int
    failed_count: int

    @property
    def pk(self) -> int:
        """The place in the list."""
        return self.newest


Entry = IngestRun | SessionRuns


def read_entries_page(*, before: int | None, symbol: str | None = None) -> tuple[list[Entry], int | None]:
    """Up to `RUNS_PER_PAGE` entries with an id below `before`, newest first, and the `before` of the next page, None at
    the end. With a symbol only successful runs of its series."""
    runs = prefetch_undos(IngestRun.objects.filter(feed_session__isnull=True).order_by("-id"))
    if symbol is not None:
        runs = runs.filter(status="success", symbols__contains=[symbol])
    if before is not None:
        runs = runs.filter(id__lt=before)
    sessions = _find_sessions(before, symbol)
    found: list[tuple[int, IngestRun | int]] = [(run.pk, run) for run in runs[: RUNS_PER_PAGE + 1]]
    found += [(newest, session) for session, newest in sessions]
    found.sort(key=lambda one: -one[0])
    shown = found[:RUNS_PER_PAGE]
    older = shown[-1][0] if len(found) > RUNS_PER_PAGE else None
    folded = _read_sessions([(one, newest) for newest, one in shown if isinstance(one, int)])
    return [folded[one] if isinstance(one, int) else one for _, one in shown], older


def read_session_page(session_id: int, *, before: int | None) -> tuple[list[Entry], int | None]:
    """The same for the runs of one live session, each by itself."""
    runs = prefetch_undos(IngestRun.objects.filter(feed_session=session_id).order_by("-id"))
    if before is not None:
        runs = runs.filter(id__lt=before)
    found: list[Entry] = list(runs[: RUNS_PER_PAGE + 1])
    return found[:RUNS_PER_PAGE], found[RUNS_PER_PAGE - 1].pk if len(found) > RUNS_PER_PAGE else None


def _find_sessions(before: int | None, symbol: str | None) -> list[tuple[int, int]]:
    """Sessions with the id of their newest run."""
    return _query(_SESSIONS, {"before": before, "symbol": symbol, "limit": _MAX_SESSIONS})


def _read_sessions(places: Sequence[tuple[int, int]]) -> dict[int, SessionRuns]:
    if not places:
        return {}
    ids = [session for session, _ in places]
    counts, failed = (dict(_query(sql, [ids])) for sql in (_COUNTS, _FAILED))
    rows = FeedSession.objects.in_bulk(ids)
    return {
        session: SessionRuns(rows[session], newest, counts.get(session, 0), failed.get(session, 0))
        for session, newest in places
    }


def _query(sql: str, parameters: Any) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple] = cursor.fetchall()
    return rows
