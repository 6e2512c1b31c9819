"""Writes what a check changed. Checks of one series follow one another."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from django.db import connection

from marketdata.advisory_locks import FINDINGS_CLASS
from marketdata.models import QualityEvent, QualityFinding
from marketdata.quality.store.reconcile import SEEN_FIELDS, STATE_FIELDS, Changes

# The first half of the lock's key: it separates these locks from all others in the database.
_BATCH = 1000


def lock_findings(series_id: int | None) -> None:
    """Hold the lock of a series' findings, or of those without a series, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [FINDINGS_CLASS, (series_id or 0) % 2**31])


def write_changes(changes: Changes) -> None:
    """Store the changes. The caller holds the lock in a transaction."""
    QualityFinding.objects.bulk_create(changes.new, batch_size=_BATCH)
    # Most findings are only seen again, and one statement for all of them costs little.
    same: dict[datetime, list[int]] = defaultdict(list)
    for finding in changes.seen:
        if finding.pk in changes.same:
            same[finding.last_seen].append(finding.pk)
    for last_seen, keys in same.items():
        QualityFinding.objects.filter(pk__in=keys).update(last_seen=last_seen)
    changed = [finding for finding in [*changes.seen, *changes.gone] if finding.pk not in changes.same]
    fields = [*SEEN_FIELDS, *STATE_FIELDS, "last_seen", "is_baseline", "run"]
    QualityFinding.objects.bulk_update(changed, fields, batch_size=_BATCH)
    QualityEvent.objects.bulk_create(changes.events, batch_size=_BATCH)
