"""The text of an alert, and the object that the webhook gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.urls import reverse

from marketdata.formatting import format_list
from marketdata.models import QualityAlert, QualityFinding
from marketdata.timestamps import to_iso

MAX_LISTED = 20
MAX_SUBJECT = 200
_SERIES_IN_SUBJECT = 3


def compose_subject(event: str, cause: str, findings: Sequence[QualityFinding]) -> str:
    """One line: what, how many, of which series."""
    kinds = format_list([f"{count} {kind}" for kind, count in count_kinds(findings).items()])
    slugs = sorted({finding.series.slug for finding in findings if finding.series})
    of_series = f" in {format_list(slugs)}" if 0 < len(slugs) <= _SERIES_IN_SUBJECT else ""
    if len(slugs) > _SERIES_IN_SUBJECT:
        of_series = f" in {len(slugs)} series"
    subject = {
        QualityAlert.Event.RAISED: f"{kinds}{of_series} ({cause})",
        QualityAlert.Event.RESOLVED: f"Resolved: {kinds}{of_series} ({cause})",
        QualityAlert.Event.BASELINE: f"History checked for the first time: {kinds}{of_series}",
    }[QualityAlert.Event(event)]
    return subject if len(subject) <= MAX_SUBJECT else f"{subject[: MAX_SUBJECT - 1]}…"


def compose_body(event: str, findings: Sequence[QualityFinding]) -> str:
    """A line for each finding, the first `MAX_LISTED` of them, and where all are."""
    lines = [_describe(event, finding) for finding in findings[:MAX_LISTED]]
    if len(findings) > MAX_LISTED:
        lines.append(f"… and {len(findings) - MAX_LISTED:,} more.")
    if url := build_url():
        lines.append(url)
    return "\n".join(lines)


def name_kind(finding: QualityFinding) -> str:
    """The kind within a sentence."""
    return str(finding.get_kind_display()).lower()


def count_kinds(findings: Sequence[QualityFinding]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for finding in findings:
        kind = name_kind(finding)
        counts[kind] = counts.get(kind, 0) + 1
    return counts


def build_url(finding: QualityFinding | None = None) -> str:
    """The page of findings, or of one; empty without SITE_URL."""
    if not settings.SITE_URL:
        return ""
    path = reverse("quality") if finding is None else reverse("quality-finding", args=[finding.pk])
    return settings.SITE_URL.rstrip("/") + path


def serialize_alert(alert: QualityAlert, *, delivery_id: int, may_repeat: bool) -> dict[str, Any]:
    """The object that the webhook gets. Times are ISO 8601 UTC; the end of a finding is not included."""
    events = alert.alert_events.select_related("event__finding__series").order_by("event_id")
    findings = [row.event.finding for row in events]
    return {
        "id": alert.pk,
        "delivery_id": delivery_id,
        "may_repeat": may_repeat,
        "event": alert.event,
        "cause": alert.cause,
        "severity": alert.severity,
        "subject": alert.subject,
        "text": alert.body,
        "created_at": to_iso(alert.created_at),
        "findings": [_serialize(finding) for finding in findings],
    }


def _serialize(finding: QualityFinding) -> dict[str, Any]:
    return {
        "id": finding.pk,
        "kind": finding.kind,
        "severity": finding.severity,
        "series": finding.series.slug if finding.series else None,
        "start": to_iso(finding.start),
        "end": to_iso(finding.end),
        "state": finding.state,
        "value": finding.value,
        "threshold": finding.threshold,
        "text": finding.text,
        "url": build_url(finding),
    }


def _describe(event: str, finding: QualityFinding) -> str:
    subject = f"{finding.series.slug}: " if finding.series else ""
    text = finding.text
    if event == QualityAlert.Event.RESOLVED:
        text = f"{name_kind(finding)} of {finding.start:%Y-%m-%d %H:%M} UTC: {finding.resolution}"
    return f"[{finding.severity}] {subject}{text}"
