"""Read queries of the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Prefetch, QuerySet
from django.db.models.expressions import RawSQL

from marketdata.models import IngestRun

RUNS_PER_PAGE = 15

# The newest runs include the last run of nearly every series; the index on symbols finds that of each other one. For
# many series more runs are read: a search of that index costs as much as ten runs, and more after many writes.
# `id + 0` prevents a backward scan of the primary key, which could read all runs.
_LAST_RUNS = """
WITH newest AS (
    SELECT symbol, max(id) AS id
    FROM (SELECT id, symbols FROM data_ingest_runs ORDER BY id DESC LIMIT %(newest)s) AS runs
    CROSS JOIN unnest(symbols) AS symbol
    GROUP BY symbol
),
last AS (
    SELECT series.symbol, coalesce(newest.id, earlier.id) AS id
    FROM unnest(%(symbols)s::varchar[]) AS series (symbol)
    LEFT JOIN newest ON newest.symbol = series.symbol
    LEFT JOIN LATERAL (
        SELECT max(runs.id + 0) AS id
        FROM data_ingest_runs AS runs
        WHERE newest.id IS NULL AND runs.symbols @> ARRAY[series.symbol]
    ) AS earlier ON true
)
SELECT last.symbol, runs.id, runs.status, runs.finished_at
FROM last JOIN data_ingest_runs AS runs ON runs.id = last.id
"""
_NEWEST, _NEWEST_OF_MANY = 100, 20_000


class RunState(NamedTuple):
    """What a list of series shows of a run."""

    pk: int
    status: str
    finished_at: datetime | None


def find_last_runs(symbols: Sequence[str]) -> dict[str, RunState]:
    """The last run of each series by symbol, failed or not; series without a run are omitted. One query."""
    parameters: dict[str, Any] = {
        "symbols": list(symbols),
        "newest": _NEWEST if len(symbols) <= _NEWEST else _NEWEST_OF_MANY,
    }
    with connection.cursor() as cursor:
        cursor.execute(_LAST_RUNS, parameters)
        return {symbol: RunState(*values) for symbol, *values in cursor.fetchall()}


_LAST_SUCCESSES = """
SELECT DISTINCT ON (symbol) symbol, id, undoes_id
FROM data_ingest_runs CROSS JOIN unnest(symbols) AS symbol
WHERE status = 'success' AND symbols && %(symbols)s::varchar[] AND symbol = ANY (%(symbols)s::varchar[])
ORDER BY symbol, finished_at DESC, id DESC
"""


class LastRun(NamedTuple):
    """A run, and the run that it undoes if it is an undo."""

    pk: int
    undoes: int | None


def find_last_successes(symbols: Sequence[str]) -> dict[str, LastRun]:
    """The last successful run of each symbol; symbols without one are omitted."""
    if not symbols:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_LAST_SUCCESSES, {"symbols": list(symbols)})
        return {symbol: LastRun(pk, undoes) for symbol, pk, undoes in cursor.fetchall()}


# Each failure looks up its file by two indexes, so that the cost is that of the failures, not of all runs. `nullif`
# also lets PostgreSQL expect the same files again, and keep what it found (Memoize): a file may fail each night.
_OPEN_FAILURES = """
SELECT failed.id
FROM data_ingest_runs AS failed
CROSS JOIN LATERAL (
    SELECT max(runs.id + 0) AS id FROM data_ingest_runs AS runs
    WHERE runs.file_path = nullif(failed.file_path, '') AND runs.status = 'success'
) AS same_path
CROSS JOIN LATERAL (
    SELECT max(runs.id + 0) AS id FROM data_ingest_runs AS runs
    WHERE runs.file_sha256 = nullif(failed.file_sha256, '') AND runs.status = 'success'
) AS same_content
WHERE failed.status = 'failed' AND failed.kind IN ('file', 'history', 'live') AND failed.dismissed_at IS NULL
    AND coalesce(greatest(same_path.id, same_content.id) < failed.id, true)
"""


def find_open_failures() -> list[int]:
    """The ids of the failed runs that still need attention, newest first: their file was not loaded since, and no user
    dismissed them. Every page counts and lists failures by this query.

    A file is the same by path or by sha256. Failed undos and splits are omitted: they have no file to load, their
    command reported the error, and the bars are unchanged.
    """
    with connection.cursor() as cursor:
        cursor.execute(_OPEN_FAILURES)
        return sorted((pk for (pk,) in cursor.fetchall()), reverse=True)


def open_failures() -> QuerySet[IngestRun]:
    """The runs of `find_open_failures`, newest first."""
    return IngestRun.objects.filter(pk__in=RawSQL(_OPEN_FAILURES, ())).order_by("-id")


def prefetch_undos(runs: QuerySet[IngestRun]) -> QuerySet[IngestRun]:
    """The runs with `undone_by` prefetched."""
    # No index has all undos. That on paths spares a scan of all runs: an undo has no file (run_undo_has_no_file).
    return runs.prefetch_related(Prefetch("undone_by", IngestRun.objects.filter(file_path="")))


def read_runs(ids: Sequence[int]) -> list[IngestRun]:
    """The runs with these ids, newest first."""
    return list(IngestRun.objects.filter(pk__in=ids).order_by("-id")) if ids else []


def find_runs_of_same_file(run: IngestRun) -> list[IngestRun]:
    """The newest ten other runs of the same content (by sha256), or of the same path if the file could not be read.

    Empty for an undo and for a split, which have no file.
    """
    if run.kind not in IngestRun.LOADS:
        return []
    same = {"file_sha256": run.file_sha256} if run.file_sha256 else {"file_path": run.file_path}
    others = prefetch_undos(IngestRun.objects.filter(**same).exclude(pk=run.pk))
    return list(others.order_by("-id")[:10])
