"""The findings of a check as text and as JSON."""

from __future__ import annotations

from marketdata.formatting import format_count
from marketdata.models import QualityFinding
from marketdata.quality.checks import Report
from marketdata.quality.serialize import serialize_finding

_FORMAT = "%Y-%m-%d %H:%M"
_NO_SERIES = "runs, feeds and budget"


def format_report(report: Report, *, dry_run: bool) -> str:
    """A line for each finding, below its series, and what the check changed."""
    lines = []
    current: object = ()
    for series, finding in report.findings:
        if series != current:
            lines.append(f"{series.slug} ({series.symbol})" if series else _NO_SERIES)
            current = series
        lines.append(_format_finding(finding))
    count = format_count(len(report.findings), "finding")
    would = "would be " if dry_run else ""
    lines.append(
        f"{count} in {report.series_count:,} series: {report.new_count:,} {would}new, "
        f"{report.resolved_count:,} {would}resolved by themselves."
    )
    return "\n".join(lines)


def _format_finding(finding: QualityFinding) -> str:
    labels = [finding.severity, finding.kind]
    if finding.state == QualityFinding.State.ACKNOWLEDGED:
        labels.append(f"acknowledged by {finding.acknowledged_by}")
    if finding.is_baseline:
        labels.append("baseline")
    return f"  {finding.start:{_FORMAT}} to {finding.end:{_FORMAT}}  {', '.join(labels)}: {finding.text}"


def serialize_report(report: Report) -> dict[str, object]:
    """The object that `--json` prints."""
    return {"findings": [serialize_finding(series, finding) for series, finding in report.findings]}
