"""Findings as the API describes and answers them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from marketdata.models import QualityEvent, QualityFinding
from marketdata.quality.serialize import serialize_finding
from marketdata.timestamps import to_iso


class EvidenceField(serializers.JSONField):
    """The bars that show the fault, as objects; prices as text."""


class FindingEventSerializer(serializers.Serializer):
    at = serializers.DateTimeField(help_text="UTC.")
    event = serializers.ChoiceField(QualityEvent.Event.values)
    by = serializers.CharField(allow_blank=True, help_text="The user. Empty: a check.")
    note = serializers.CharField(allow_blank=True)


class FindingSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    kind = serializers.ChoiceField(QualityFinding.Kind.choices)
    severity = serializers.ChoiceField(QualityFinding.Severity.values)
    series = serializers.CharField(allow_null=True, help_text="The slug. Null: it concerns no series.")
    start = serializers.DateTimeField(help_text="UTC.")
    end = serializers.DateTimeField(help_text="UTC, not included.")
    state = serializers.ChoiceField(QualityFinding.State.choices)
    value = serializers.FloatField(help_text="What was measured, in the unit of the kind's threshold.")
    threshold = serializers.FloatField(help_text="From which value on there is a finding.")
    text = serializers.CharField(help_text="The fault as a sentence.")
    evidence = EvidenceField()
    baseline = serializers.BooleanField(help_text="Found in history that was loaded for the first time.")
    run_id = serializers.IntegerField(allow_null=True, help_text="The run that brought it.")
    first_seen = serializers.DateTimeField()
    last_seen = serializers.DateTimeField(help_text="The last check that found it.")
    acknowledged_by = serializers.CharField(allow_blank=True)
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    note = serializers.CharField(allow_blank=True)
    until = serializers.DateTimeField(allow_null=True, help_text="When an acknowledged finding is open again.")
    resolved_at = serializers.DateTimeField(allow_null=True)
    resolved_how = serializers.ChoiceField([*QualityFinding.How.values, ""], help_text="By hand, or by itself.")
    resolved_by = serializers.CharField(allow_blank=True)
    resolution = serializers.CharField(allow_blank=True, help_text="Why it is resolved, as a sentence.")


class FindingDetailSerializer(FindingSerializer):
    events = FindingEventSerializer(many=True, help_text="Its history, oldest first.")


@extend_schema_serializer(many=False)  # the page itself is no list
class FindingsPageSerializer(serializers.Serializer):
    findings = FindingSerializer(many=True)
    next_cursor = serializers.IntegerField(allow_null=True)
    next = serializers.URLField(allow_null=True)


def format_finding(finding: QualityFinding) -> dict[str, Any]:
    """One finding, as `FindingSerializer` describes it."""
    found = finding
    return {"id": found.pk} | serialize_finding(found.series, found) | {
        "text": found.text,
        "evidence": found.evidence,
        "baseline": found.is_baseline,
        "run_id": found.run_id,
        "first_seen": to_iso(found.first_seen),
        "last_seen": to_iso(found.last_seen),
        "acknowledged_by": found.acknowledged_by,
        "acknowledged_at": to_iso(found.acknowledged_at),
        "note": found.note,
        "until": to_iso(found.until),
        "resolved_at": to_iso(found.resolved_at),
        "resolved_how": found.resolved_how,
        "resolved_by": found.resolved_by,
        "resolution": found.resolution,
    }  # fmt: skip


def format_detail(finding: QualityFinding) -> dict[str, Any]:
    """One finding with its history."""
    events = [
        {"at": to_iso(one.at), "event": one.event, "by": one.by, "note": one.note} for one in finding.events.all()
    ]
    return format_finding(finding) | {"events": events}
