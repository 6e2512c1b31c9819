"""What users do with findings: acknowledge, resolve and reopen them, one or many."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction

from marketdata.models import QualityEvent, QualityFinding
from marketdata.models.quality.finding import MAX_NOTE
from marketdata.quality.store.reconcile import SNOOZE_OVER, STATE_FIELDS
from marketdata.quality.store.write import lock_findings
from marketdata.runs.commits import read_database_time

PERMISSION = "marketdata.change_qualityfinding"
MAX_AT_ONCE = 1000

State, Event = QualityFinding.State, QualityEvent.Event


class ActionRefused(Exception):
    """What was requested cannot be done; a sentence for the user."""


def may_act(user: User | AnonymousUser) -> bool:
    """Whether the user may acknowledge and resolve: an active account that may change findings."""
    return bool(user.is_active and user.has_perm(PERMISSION))


def acknowledge(keys: Collection[int], *, user: str, note: str = "", until: datetime | None = None) -> int:
    """Record that a person knows of the findings. `until`: when they are open again (snooze). Returns how many changed.

    Resolved findings are skipped. Raises `ActionRefused` for a time that is over, or a note that is too long.
    """
    now = read_database_time()
    if until is not None and until <= now:
        raise ActionRefused("The time until which a finding is acknowledged must be in the future.")

    def change(finding: QualityFinding) -> bool:
        if finding.state == State.RESOLVED:
            return False
        finding.state, finding.acknowledged_by, finding.acknowledged_at = State.ACKNOWLEDGED, user, now
        finding.note, finding.until = note, until
        return True

    return _change(keys, change, event=Event.ACKNOWLEDGED, user=user, note=note, now=now)


def resolve(keys: Collection[int], *, user: str, note: str = "") -> int:
    """Close the findings by hand; checks that find them again leave them closed. Returns how many changed."""
    now = read_database_time()

    def change(finding: QualityFinding) -> bool:
        if finding.state == State.RESOLVED:
            return False
        finding.state, finding.resolved_at, finding.resolved_how = State.RESOLVED, now, QualityFinding.How.HAND
        finding.resolved_by, finding.resolution, finding.until = user, note or f"{user} resolved it.", None
        return True

    return _change(keys, change, event=Event.RESOLVED, user=user, note=note, now=now)


def reopen(keys: Collection[int], *, user: str, note: str = "") -> int:
    """Open findings that are acknowledged or resolved. Returns how many changed."""
    return _change(keys, _reopen, event=Event.REOPENED, user=user, note=note, now=read_database_time())


def end_snoozes(now: datetime) -> int:
    """Open the findings that were acknowledged until now, whether their series are checked or not. Returns how many."""

    def change(finding: QualityFinding) -> bool:
        is_over = finding.state == State.ACKNOWLEDGED and finding.until is not None and finding.until <= now
        return is_over and _reopen(finding)

    over = QualityFinding.objects.filter(state=State.ACKNOWLEDGED, until__lte=now).order_by("pk")
    count = 0
    while keys := list(over.values_list("pk", flat=True)[:MAX_AT_ONCE]):
        changed = _change(keys, change, event=Event.REOPENED, user="", note=SNOOZE_OVER, now=now)
        if not changed:
            break
        count += changed
    return count


def _reopen(finding: QualityFinding) -> bool:
    if finding.state == State.OPEN:
        return False
    finding.state, finding.acknowledged_at, finding.until, finding.resolved_at = State.OPEN, None, None, None
    finding.acknowledged_by = finding.note = finding.resolved_how = finding.resolved_by = finding.resolution = ""
    return True


def _change(
    keys: Collection[int],
    change: Callable[[QualityFinding], bool],
    *,
    event: str,
    user: str,
    note: str,
    now: datetime,
) -> int:
    """Change what can be changed in one transaction. Checks of the same series wait."""
    if len(keys) > MAX_AT_ONCE:
        raise ActionRefused(f"{len(keys):,} findings are more than the {MAX_AT_ONCE:,} that can be changed at once.")
    if len(note) > MAX_NOTE:
        raise ActionRefused(f"The note has more than {MAX_NOTE:,} characters.")
    found = QualityFinding.objects.filter(pk__in=keys)
    with transaction.atomic():
        for series_id in sorted(set(found.values_list("series_id", flat=True)), key=lambda key: key or 0):
            lock_findings(series_id)
        changed = [finding for finding in found.order_by("pk").select_for_update() if change(finding)]
        QualityFinding.objects.bulk_update(changed, STATE_FIELDS)
        QualityEvent.objects.bulk_create(
            QualityEvent(finding=finding, at=now, event=event, by=user, note=note) for finding in changed
        )
    return len(changed)
