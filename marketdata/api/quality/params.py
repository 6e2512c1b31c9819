"""Query parameters of findings, and the bodies of actions."""

from __future__ import annotations

from rest_framework import serializers

from marketdata.api.params import ChoiceField, RangeParameters, TimestampField, WholeNumberField
from marketdata.models import QualityFinding
from marketdata.models.quality.finding import MAX_NOTE
from marketdata.quality.select import STATES, UNRESOLVED

DEFAULT_FINDINGS = 100
MAX_FINDINGS = 1000


class FindingsParameters(RangeParameters):
    """Filters of the list of findings, which combine; page size and cursor."""

    series = serializers.CharField(required=False, default=None, help_text="Only findings of this series, by slug.")
    kind = ChoiceField(
        QualityFinding.Kind.values, required=False, default=None, help_text="Only findings of this kind."
    )
    severity = ChoiceField(
        QualityFinding.Severity.values, required=False, default=None, help_text="Only findings of this severity."
    )
    state = ChoiceField(
        STATES,
        required=False,
        default=None,
        help_text=f"Only findings in this state; {UNRESOLVED}: open or acknowledged. Default: all.",
    )
    limit = WholeNumberField(
        required=False,
        default=DEFAULT_FINDINGS,
        min_value=1,
        max_value=MAX_FINDINGS,
        help_text=f"Findings per page. Default: {DEFAULT_FINDINGS}.",
    )
    cursor = WholeNumberField(
        required=False, default=None, min_value=1, help_text="`next_cursor` of the previous page."
    )


class _KnownFields(serializers.Serializer):
    def validate(self, attrs: dict) -> dict:
        unknown = sorted(set(self.initial_data) - set(self.fields))
        if unknown:
            raise serializers.ValidationError(dict.fromkeys(unknown, f"Known: {', '.join(self.fields)}."))
        return attrs


class NoteBody(_KnownFields):
    """Why a finding is closed."""

    note = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=MAX_NOTE, help_text="Why, in plain text."
    )


class AcknowledgeBody(NoteBody):
    """Why a finding is acknowledged, and until when."""

    until = TimestampField(
        required=False, default=None, allow_null=True, help_text="When it is open again. Default: never by itself."
    )
