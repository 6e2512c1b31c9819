"""Which of the stored findings a found fault is: that of the same kind whose range it shares the most of."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from itertools import accumulate

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
    ordered = {key: _Ordered(findings) for key, findings in by_kind.items()}
    pairs = [
        (_measure(finding, fault), index, finding)
        for index, fault in enumerate(found)
        if (fault.kind, fault.identity) in ordered
        for finding in ordered[fault.kind, fault.identity].list_candidates(fault)
    ]
    pairs.sort(key=lambda pair: (pair[0], -pair[1], -pair[2].pk), reverse=True)
    matched: list[QualityFinding | None] = [None] * len(found)
    used = set()
    for _, index, finding in pairs:
        if matched[index] is None and finding.pk not in used:
            matched[index] = finding
            used.add(finding.pk)
    return matched


class _Ordered:
    """Findings of one kind in time order."""

    def __init__(self, findings: list[QualityFinding]) -> None:
        self._findings = sorted(findings, key=lambda finding: finding.start)
        self._starts = [finding.start for finding in self._findings]
        self._ends = list(accumulate((finding.end for finding in self._findings), max))  # of all up to each

    def list_candidates(self, fault: Found) -> list[QualityFinding]:
        """Those that share a minute with the fault, or are about the same."""
        if fault.identity:
            return self._findings
        found = []
        for at in reversed(range(bisect_left(self._starts, fault.end))):
            if self._ends[at] <= fault.start:
                break
            if self._findings[at].end > fault.start:
                found.append(self._findings[at])
        return found


def _measure(finding: QualityFinding, fault: Found) -> tuple[timedelta, bool]:
    shared = min(finding.end, fault.end) - max(finding.start, fault.start)
    return max(shared, _NONE), finding.state != QualityFinding.State.RESOLVED
