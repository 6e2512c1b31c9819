"""Read queries that only the pages need. Each is bounded: no page gets slower as a series gets longer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from django.db import connection
from django.db.models import Q, QuerySet

from marketdata.models import IngestRun, Series

STRIP_DAYS = 56
RUNS_PER_PAGE = 15
MOST_FAILURES = 20


# Eight weeks are 1,344 rows of the ledger per series at most.
_HOURS = """
SELECT hours.symbol, (hours.hour AT TIME ZONE 'UTC')::date AS day, count(*)
FROM unnest(%(symbols)s, %(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS wanted (symbol, first, last)
JOIN market_bars_ohlcv_1h AS hours
    ON hours.symbol = wanted.symbol COLLATE "C" AND hours.hour BETWEEN wanted.first AND wanted.last
GROUP BY hours.symbol, day
"""


def hours_with_bars(spans: Sequence[tuple[str, datetime, datetime]]) -> dict[str, dict[date, int]]:
    """For spans of (symbol, start, last bar), per symbol and UTC day: how many hours have bars. Days without: none."""
    if not spans:
        return {}
    symbols, starts, ends = (list(column) for column in zip(*spans, strict=True))
    hours: dict[str, dict[date, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_HOURS, {"symbols": symbols, "starts": starts, "ends": ends})
        for symbol, day, count in cursor.fetchall():
            hours.setdefault(symbol, {})[day] = count
    return hours


_LAST_RUNS = """
SELECT DISTINCT ON (symbol) symbol, id, undoes_id
FROM data_ingest_runs CROSS JOIN unnest(symbols) AS symbol
WHERE status = 'success' AND symbols && %(symbols)s::varchar[] AND symbol = ANY (%(symbols)s::varchar[])
ORDER BY symbol, finished_at DESC, id DESC
"""


class LastRun(NamedTuple):
    """A run, and the run that it took back if it is an undo."""

    pk: int
    undoes: int | None


def last_runs_of(symbols: Sequence[str]) -> dict[str, LastRun]:
    """By symbol the last run that wrote to it, for series of which nothing is left."""
    if not symbols:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_LAST_RUNS, {"symbols": list(symbols)})
        return {symbol: LastRun(pk, undoes) for symbol, pk, undoes in cursor.fetchall()}


def matching_series(text: str) -> QuerySet[Series]:
    """Series whose slug, symbol or name contains the text; all for none."""
    if not text:
        return Series.objects.all()
    return Series.objects.filter(Q(slug__icontains=text) | Q(symbol__icontains=text) | Q(name__icontains=text))


def open_failures() -> list[IngestRun]:
    """Of the latest failed runs those whose file has not been loaded since, newest first: what still needs somebody.
    An undo that failed has no file: whoever asked for it was told, and the table is as before."""
    failed = list(IngestRun.objects.filter(status="failed", undoes__isnull=True).order_by("-id")[:MOST_FAILURES])
    if not failed:
        return []
    same_file = Q(file_path__in=[run.file_path for run in failed]) | Q(
        file_sha256__in=[run.file_sha256 for run in failed if run.file_sha256]
    )
    loaded = IngestRun.objects.filter(same_file, status="success", id__gt=failed[-1].pk)
    later: dict[str, int] = {}
    for pk, path, sha256 in loaded.order_by("id").values_list("id", "file_path", "file_sha256"):
        later[path] = later[sha256] = pk
    return [run for run in failed if max(later.get(run.file_path, 0), later.get(run.file_sha256, 0)) < run.pk]


def runs_page(*, before: int | None, symbol: str | None = None) -> tuple[list[IngestRun], int | None]:
    """The newest runs with an id below `before`, and where the next page begins, None at the end.

    With a symbol, only runs that wrote to it, or confirmed what it holds.
    """
    runs = IngestRun.objects.order_by("-id")
    if symbol is not None:
        runs = runs.filter(status="success", symbols__contains=[symbol])
    if before is not None:
        runs = runs.filter(id__lt=before)
    found = list(runs[: RUNS_PER_PAGE + 1])
    return found[:RUNS_PER_PAGE], found[RUNS_PER_PAGE - 1].pk if len(found) > RUNS_PER_PAGE else None


def runs_of_same_file(run: IngestRun) -> list[IngestRun]:
    """The newest other runs of the same content, found by sha256; of the same path where it could not be read. None for
    an undo, which has no file."""
    if run.undoes_id:
        return []
    same = {"file_sha256": run.file_sha256} if run.file_sha256 else {"file_path": run.file_path}
    return list(IngestRun.objects.filter(**same).exclude(pk=run.pk).order_by("-id")[:10])


def series_of(run: IngestRun) -> list[Series]:
    """The series that the run wrote to, the first fifty by name."""
    return list(Series.objects.filter(symbol__in=run.symbols)[:50])
