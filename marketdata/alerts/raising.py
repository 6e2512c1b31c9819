"""From events of findings to alerts: each event is used once, and findings of one cause share an alert."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from marketdata.advisory_locks import ALERTS
from marketdata.alerts.causes import find_cause, find_outage, list_outages
from marketdata.alerts.channels import list_channels
from marketdata.alerts.compose import compose_body, compose_subject
from marketdata.alerts.rules import NotifyRules, rank
from marketdata.models import QualityAlert, QualityAlertEvent, QualityDelivery, QualityEvent, QualityFinding
from marketdata.quality.registry import BAR_KINDS
from marketdata.quality.store.underway import is_underway
from marketdata.runs.commits import read_database_time

MAX_EVENTS = 10_000  # in one transaction
TEST_SUBJECT = "Test of Barkeep's alerts"
TEST_BODY = "A user has requested this message. Nothing is wrong."

_EVENTS = QualityEvent.Event
_OUTCOMES = QualityAlertEvent.Outcome
_MAX_WAIT = timedelta(hours=1)  # for a check to end, from when it started
_RAISED = (_EVENTS.FOUND, _EVENTS.REOPENED)


def raise_alerts() -> list[QualityAlert]:
    """Use the events that no process has used, and store the alerts that follow. Nothing is sent.

    Events that an open outage explains wait until it is over, and those of a check until it ends. Exactly once: the
    events' key, in one transaction.
    """
    with transaction.atomic():
        _lock()
        unused = QualityEvent.objects.filter(alert_event=None) & _list_complete()
        events = list(unused.select_related("finding__series").order_by("pk")[:MAX_EVENTS])
        if not events:
            return []
        rules = NotifyRules.read()
        groups = _sort_events(events, rules)
        return [_create_alert(event, cause, found, rules) for (event, cause), found in groups.items()]


def _list_complete() -> QuerySet[QualityEvent]:
    """The events to which a check that is underway adds no others of the same cause."""
    if not is_underway():
        return QualityEvent.objects.all()
    recent = Q(finding__kind__in=BAR_KINDS, at__gte=read_database_time() - _MAX_WAIT)
    return QualityEvent.objects.exclude(recent)


def raise_test(user: str) -> QualityAlert:
    """Store an alert that a user requests, to see whether the channels work. It is due at once."""
    with transaction.atomic():
        alert = QualityAlert.objects.create(
            event=QualityAlert.Event.TEST,
            cause="test",
            severity=QualityFinding.Severity.INFO,
            subject=TEST_SUBJECT,
            body=TEST_BODY,
            created_at=read_database_time(),
            requested_by=user,
        )
        _create_deliveries(alert, alert.created_at, is_digest=False)
    return alert


def _sort_events(events: Iterable[QualityEvent], rules: NotifyRules) -> dict[tuple[str, str], list[QualityEvent]]:
    """The events to report, by kind of alert and cause. All others are recorded with the reason."""
    outages = list_outages()
    last = {event.finding_id: event.pk for event in events}  # of each finding
    groups: dict[tuple[str, str], list[QualityEvent]] = defaultdict(list)
    rejected = []
    raised_before = _find_raised({event.finding_id for event in events if event.event == _EVENTS.RESOLVED})
    for event in events:
        finding = event.finding
        outcome = _judge(event, rules, is_last=last[finding.pk] == event.pk, was_raised=finding.pk in raised_before)
        if outcome is not None:
            rejected.append(QualityAlertEvent(event=event, outcome=outcome))
        elif event.event in _RAISED and find_outage(finding, outages):
            continue  # until the outage is over
        else:
            groups[_choose_alert(event)].append(event)
    QualityAlertEvent.objects.bulk_create(rejected)
    return dict(groups)


def _judge(event: QualityEvent, rules: NotifyRules, *, is_last: bool, was_raised: bool) -> str | None:
    """Why the event is not reported; None if it is."""
    if event.event == _EVENTS.ACKNOWLEDGED:
        return _OUTCOMES.NO_ALERT
    if not is_last:
        return _OUTCOMES.OVER
    if event.event == _EVENTS.RESOLVED:
        return None if was_raised else _OUTCOMES.NOT_RAISED
    if event.finding.state != QualityFinding.State.OPEN:
        return _OUTCOMES.OVER
    return None if rules.is_raised(event.finding.severity) else _OUTCOMES.MINOR


def _find_raised(findings: set[int]) -> set[int]:
    """The findings that were reported since they were last resolved."""
    rows = (
        QualityAlertEvent.objects.filter(event__finding__in=findings, outcome=_OUTCOMES.ALERTED)
        .order_by("event_id")
        .values_list("event__finding_id", "event__event")
    )
    latest = dict(rows)  # of each finding, the last event that was reported
    return {finding for finding, event in latest.items() if event in _RAISED}


def _choose_alert(event: QualityEvent) -> tuple[str, str]:
    if event.event == _EVENTS.RESOLVED:
        return QualityAlert.Event.RESOLVED, find_cause(event.finding)
    if event.finding.is_baseline and event.event == _EVENTS.FOUND:
        return QualityAlert.Event.BASELINE, "baseline"
    return QualityAlert.Event.RAISED, find_cause(event.finding)


def _create_alert(event: str, cause: str, events: list[QualityEvent], rules: NotifyRules) -> QualityAlert:
    findings = [one.finding for one in events]
    severity = max((finding.severity for finding in findings), key=rank)
    findings.sort(key=lambda finding: (-rank(finding.severity), finding.start))
    now = read_database_time()
    alert = QualityAlert.objects.create(
        event=event,
        cause=cause[:200],
        severity=severity,
        subject=compose_subject(event, cause, findings),
        body=compose_body(event, findings),
        created_at=now,
    )
    QualityAlertEvent.objects.bulk_create(
        QualityAlertEvent(event=one, alert=alert, outcome=_OUTCOMES.ALERTED) for one in events
    )
    due, is_digest = rules.find_due(severity, now)
    _create_deliveries(alert, due, is_digest=is_digest)
    return alert


def _create_deliveries(alert: QualityAlert, due: datetime, *, is_digest: bool) -> None:
    """One for each channel. The log has no quiet hours."""
    QualityDelivery.objects.bulk_create(
        QualityDelivery(
            alert=alert,
            channel=channel.name,
            due_at=due if channel.waits else alert.created_at,
            is_digest=is_digest and channel.waits,
        )
        for channel in list_channels()
    )


def _lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", ALERTS)
