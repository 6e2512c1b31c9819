"""Daily backfills that failed: the bars of their days do not arrive."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection

from marketdata.advisory_locks import BACKFILL, find_holders
from marketdata.models import Backfill, Series
from marketdata.quality.detectors.thresholds import Thresholds
from marketdata.quality.store.found import Found

IDENTITY = "daily backfill"
_INSTANT = timedelta(microseconds=1)
_MAX_READ = 400  # backfills: a year of daily ones
Status = Backfill.Status
_DIED = "its process died before it was finished."


def find_failed_backfills() -> list[Found]:
    """One finding if the last daily backfill of a subscribed series did not succeed, with all that failed since."""
    waiting = set(Series.objects.filter(feed_daily=True).values_list("slug", flat=True))
    failed: list[Backfill] = []
    concerned: set[str] = set()
    for backfill in _list_backfills() if waiting else []:
        own = waiting & set(backfill.series)
        if backfill.status == Status.SUCCESS:
            waiting -= own
        elif own:
            failed.append(backfill)
            concerned |= own
        if not waiting:
            break
    return [_describe(failed, len(concerned))] if len(failed) >= Thresholds().run_failed else []


def _list_backfills() -> list[Backfill]:
    """The daily backfills that have ended, and others that brought all that was missing; the newest first."""
    every = Backfill.objects.order_by("-id").exclude(status=Status.RUNNING)
    without_range = every.filter(requested_start__isnull=True, requested_end__isnull=True)
    daily = without_range.filter(daily=True) | without_range.filter(status=Status.SUCCESS)
    running = Backfill.objects.filter(status=Status.RUNNING, daily=True).order_by("-id")
    died = list(running) if not _is_locked() else []
    return sorted([*daily[:_MAX_READ], *died], key=lambda backfill: -backfill.pk)


def _is_locked() -> bool:
    """Whether a backfill is running. The lock of one whose process died is free."""
    with connection.cursor() as cursor:
        return bool(find_holders(cursor, BACKFILL))


def _describe(failed: list[Backfill], series_count: int) -> Found:
    last, first = failed[0], failed[-1]
    start = _get_end(first)
    is_refused = all(backfill.status == Status.REFUSED for backfill in failed)
    since = f" The first of {len(failed)} failed at {start:%Y-%m-%d %H:%M} UTC." if len(failed) > 1 else ""
    reason = last.error.strip().rstrip(".") if last.status != Status.RUNNING else _DIED.rstrip(".")
    return Found(
        kind="run_failed",
        severity="warning" if is_refused else "error",
        start=start,
        end=max(_get_end(last), start + _INSTANT),
        value=float(len(failed)),
        threshold=Thresholds().run_failed,
        text=f"The daily backfill of {series_count} series failed: {reason or 'no reason'}.{since}",
        group=IDENTITY,
        identity=IDENTITY,
    )


def _get_end(backfill: Backfill) -> datetime:
    return backfill.finished_at or backfill.started_at
