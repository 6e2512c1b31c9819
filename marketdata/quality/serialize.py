"""Findings as JSON: of the API and of `manage.py check_quality --json`."""

from __future__ import annotations

from marketdata.models import QualityFinding, Series
from marketdata.timestamps import to_iso


def serialize_finding(series: Series | None, finding: QualityFinding) -> dict[str, object]:
    """One finding: times in UTC, half-open. `series` is None for what concerns no series, such as a failed run."""
    return {
        "kind": str(finding.kind),
        "severity": str(finding.severity),
        "series": series.slug if series else None,
        "start": to_iso(finding.start),
        "end": to_iso(finding.end),
        "state": str(finding.state),
        "value": finding.value,
        "threshold": finding.threshold,
    }
