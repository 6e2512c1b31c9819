"""Which of the stored findings a found fault is: that of the same kind whose range it shares the most of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from marketdata.models import QualityFinding
from marketdata.quality.store.found import Found

_NONE = timedelta(0)


def match_found(stored: Sequence[QualityFinding], found: Sequence[Found]) -> list[QualityFinding | None]:
    """For each found fault the stored finding that it is; None for a new one. No finding is two faults.

    A fault that shares more minutes with a finding comes first. Of equal findings those that need attention do.
    """
    by_kind: dict[tuple[str, str], list[QualityFinding]] = defaultdict(list)
    for finding in stored:
        by_kind[finding.kind, finding.identity].append(finding)
    for findings in by_kind.values():
        findings.sort(key=lambda finding: finding.start)
    pairs = [
        (_measure(finding, fault), index, finding)
        for index, fault in enumerate(found)
        for finding in by_kind[fault.kind, fault.identity]
        if fault.identity or (finding.start < fault.end and finding.end > fault.start)
    ]
    pairs.sort(key=lambda pair: (pair[0], -pair[1], -pair[2].pk), reverse=True)
    matched: list[QualityFinding | None] = [None] * len(found)
    used = set()
    for _, index, finding in pairs:
        if matched[index] is None and finding.pk not in used:
            matched[index] = finding
            used.add(finding.pk)
    return matched


def _measure(finding: QualityFinding, fault: Found) -> tuple[timedelta, bool]:
    shared = min(finding.end, fault.end) - max(finding.start, fault.start)
    return max(shared, _NONE), finding.state != QualityFinding.State.RESOLVED
