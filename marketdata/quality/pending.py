"""Checks what runs touched since they were checked. A run that is not checked yet is known by its row, so nothing has
to be announced, and nothing is lost in a crash."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet, Sum

from marketdata.calendars.exchange import UnknownCalendar
from marketdata.models import IngestRun, QualityCheck, Series
from marketdata.partitions.archived import find_archived
from marketdata.quality.check import ALL, CheckRange, check_series
from marketdata.quality.detectors.thresholds import UnknownThreshold
from marketdata.quality.store.underway import mark_underway
from marketdata.sources.errors import ArchivedBarsUnreadable

# Of one series; the others are checked all the same.
NOT_JUDGED = (ArchivedBarsUnreadable, UnknownThreshold, UnknownCalendar)

_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)

# The bars that a load wrote, and those whose old values it kept: it changed or removed them.
_TOUCHED = """
SELECT symbol, min(ts), max(ts)
FROM (
    SELECT symbol, ts FROM market_bars_ohlcv_1m
    WHERE symbol = ANY (%(symbols)s::varchar[]) AND ts BETWEEN %(first)s AND %(last)s AND ingestion_run_id = %(run)s
    UNION ALL
    SELECT symbol, ts FROM market_bar_revisions WHERE revised_by_id = %(run)s
) AS touched
GROUP BY symbol
"""
_MAY_WRITE = """
SELECT current_setting('transaction_read_only') = 'off'
    AND has_table_privilege('market_quality_findings', 'INSERT')
    AND has_table_privilege('market_quality_findings', 'UPDATE')
    AND has_table_privilege('data_ingest_runs', 'UPDATE')
"""


@dataclass(frozen=True)
class Pending:
    """Runs that are not checked yet, by id, and how many bars they wrote or removed."""

    runs: Sequence[int]
    bar_count: int


def may_check() -> bool:
    """Whether this session may store findings."""
    with connection.cursor() as cursor:
        cursor.execute(_MAY_WRITE)
        may_write: bool = cursor.fetchone()[0]
    return may_write


def read_pending(*, live: bool = True) -> Pending:
    """The runs that are not checked yet; without those of live sessions unless `live`."""
    runs = _list_pending().exclude(kind=IngestRun.Kind.LIVE) if not live else _list_pending()
    counted = runs.aggregate(bars=Sum("inserted_count") + Sum("changed_count") + Sum("removed_count"))
    return Pending(sorted(runs.values_list("pk", flat=True)), counted["bars"] or 0)


def _list_pending() -> QuerySet[IngestRun]:
    return IngestRun.objects.filter(status=IngestRun.Status.SUCCESS, quality_checked_at__isnull=True)


@dataclass(frozen=True)
class Plan:
    """What a check of pending runs judges: of each series that they touched the range around their bars."""

    runs: Sequence[IngestRun]
    ranges: Sequence[tuple[Series, CheckRange]]


def plan_checks() -> Plan:
    """What is to be checked now, by series. A series that was never checked is checked as a whole."""
    runs = list(_list_pending().order_by("pk"))
    touched = _join_ranges(one for run in runs for one in _list_touched(run))
    found = Series.objects.filter(symbol__in=touched).order_by("slug")
    checks = QualityCheck.objects.in_bulk([series.pk for series in found])
    return Plan(runs, [(series, _pad(touched[series.symbol], checks.get(series.pk))) for series in found])


def check_pending(now: datetime, plan: Plan | None = None) -> int:
    """Check the bars that pending runs touched, by default of all, and return how many runs there were.

    Raises `ArchivedBarsUnreadable`, `UnknownThreshold` or `UnknownCalendar` after the series that can be judged are
    checked. The runs of the others remain.
    """
    plan = plan or plan_checks()
    failed: dict[str, Exception] = {}
    with mark_underway():
        for series, within in plan.ranges:
            try:
                check_series(series, within=within, now=now)
            except NOT_JUDGED as error:
                failed[series.symbol] = error
    mark_checked([run.pk for run in plan.runs if not failed.keys() & _list_symbols(run)], now)
    if failed:
        raise next(iter(failed.values()))
    return len(plan.runs)


def mark_checked(runs: Sequence[int], now: datetime) -> None:
    """Record that the bars of these runs are checked."""
    IngestRun.objects.filter(pk__in=runs, quality_checked_at__isnull=True).update(quality_checked_at=now)


def _list_symbols(run: IngestRun) -> set[str]:
    """The series of a run, also those that a split moved bars from and to."""
    return {*run.symbols, *(move[end] for move in run.moves or [] for end in ("from", "to"))}


Touched = tuple[str, datetime, datetime]  # symbol, first and last bar


def _list_touched(run: IngestRun) -> list[Touched]:
    first, last = run.time_range
    if run.kind in (IngestRun.Kind.UNDO, IngestRun.Kind.SPLIT):
        return [(symbol, first, last) for symbol in _list_symbols(run)]
    if not run.inserted_count + run.changed_count + run.removed_count:
        unchecked = Series.objects.filter(symbol__in=run.symbols, quality_check__isnull=True)
        return [(symbol, first, last) for symbol in unchecked.values_list("symbol", flat=True)]
    parameters: dict[str, Any] = {"symbols": run.symbols, "first": first, "last": last, "run": run.pk}
    with connection.cursor() as cursor:
        cursor.execute(_TOUCHED, parameters)
        touched: list[Touched] = cursor.fetchall()
    if find_archived(first, last + _MINUTE):  # what the run touched there is not known without reading the years
        return [(symbol, first, last) for symbol in run.symbols]
    return touched


def _join_ranges(touched: Iterable[Touched]) -> dict[str, tuple[datetime, datetime]]:
    joined: dict[str, tuple[datetime, datetime]] = {}
    for symbol, first, last in touched:
        known = joined.get(symbol, (first, last))
        joined[symbol] = min(first, known[0]), max(last, known[1])
    return joined


def _pad(touched: tuple[datetime, datetime], check: QualityCheck | None) -> CheckRange:
    """The bars and a day around them, and what is between them and the history that was checked before."""
    if check is None:
        return ALL
    start = min(touched[0] - _DAY, max(check.end - _DAY, check.start))
    end = max(touched[1] + _MINUTE + _DAY, min(check.start + _DAY, check.end))
    # The newest bars decide whether the series is silent now.
    return CheckRange(start, None if end >= check.end else end)
