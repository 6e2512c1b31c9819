"""Read queries of the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from marketdata.models import IngestRun, Series

RUNS_PER_PAGE = 15

# The newest 100 runs include the last run of nearly every series; the index on symbols finds that of each other one.
# `id + 0` prevents a backward scan of the primary key, which could read all runs.
_LAST_RUNS = """
WITH newest AS (
    SELECT symbol, max(id) AS id
    FROM (SELECT id, symbols FROM data_ingest_runs ORDER BY id DESC LIMIT 100) AS runs
    CROSS JOIN unnest(symbols) AS symbol
    GROUP BY symbol
)
SELECT series.symbol, coalesce(newest.id, earlier.id)
FROM unnest(%(symbols)s::varchar[]) AS series (symbol)
LEFT JOIN newest ON newest.symbol = series.symbol
LEFT JOIN LATERAL (
    SELECT max(runs.id + 0) AS id
    FROM data_ingest_runs AS runs
    WHERE newest.id IS NULL AND runs.symbols @> ARRAY[series.symbol]
) AS earlier ON true
WHERE newest.id IS NOT NULL OR earlier.id IS NOT NULL
"""


def find_last_runs(series: Sequence[Series]) -> dict[str, IngestRun]:
    """The last run of each series by symbol, failed or not; series without a run are omitted. Two queries.

    Of the runs only `status` and `finished_at` are loaded.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LAST_RUNS, {"symbols": [one.symbol for one in series]})
        ids = dict(cursor.fetchall())
    runs = IngestRun.objects.only("status", "finished_at").in_bulk(set(ids.values()))
    return {symbol: runs[run_id] for symbol, run_id in ids.items()}


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


def open_failures() -> QuerySet[IngestRun]:
    """The failed runs that still need attention, newest first: their file was not loaded since, and no user dismissed
    them. Every page counts and lists failures by this query.

    A file is the same by path or by sha256. Failed undos and splits are omitted: they have no file to load, their
    command reported the error, and the bars are unchanged.
    """
    loaded = IngestRun.objects.filter(status="success", id__gt=OuterRef("id"))
    # Two subqueries: each has an index, and PostgreSQL uses none for an OR of both.
    return (
        IngestRun.objects.filter(status="failed", kind__in=IngestRun.LOADS, dismissed_at=None)
        .exclude(Exists(loaded.filter(file_path=OuterRef("file_path"))))
        .exclude(~Q(file_sha256="") & Exists(loaded.filter(file_sha256=OuterRef("file_sha256"))))
        .order_by("-id")
    )


def read_runs_page(*, before: int | None, symbol: str | None = None) -> tuple[list[IngestRun], int | None]:
    """Up to `RUNS_PER_PAGE` runs with an id below `before`, newest first, and the `before` of the next page, None at
    the end. With a symbol only successful runs of its series, including those that changed no bar."""
    runs = IngestRun.objects.order_by("-id").prefetch_related("undone_by")
    if symbol is not None:
        runs = runs.filter(status="success", symbols__contains=[symbol])
    if before is not None:
        runs = runs.filter(id__lt=before)
    found = list(runs[: RUNS_PER_PAGE + 1])
    return found[:RUNS_PER_PAGE], found[RUNS_PER_PAGE - 1].pk if len(found) > RUNS_PER_PAGE else None


def find_runs_of_same_file(run: IngestRun) -> list[IngestRun]:
    """The newest ten other runs of the same content (by sha256), or of the same path if the file could not be read.

    Empty for an undo and for a split, which have no file.
    """
    if run.kind not in IngestRun.LOADS:
        return []
    same = {"file_sha256": run.file_sha256} if run.file_sha256 else {"file_path": run.file_path}
    others = IngestRun.objects.filter(**same).exclude(pk=run.pk).prefetch_related("undone_by")
    return list(others.order_by("-id")[:10])
