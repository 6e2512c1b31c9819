"""Runs the detectors over bars in windows, and compares findings with faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks.faults.model import Fault
from marketdata.quality.detectors.events.merge import merge_events
from marketdata.quality.detectors.model import DAY, MINUTE, Bars, Detected, SeriesContext

Detector = Callable[[Bars, SeriesContext], list[Detected]]

# As the engine does: bars before a window to compare with, and after it to see what comes back.
LEAD, WINDOW, TAIL = 60 * DAY, 91 * DAY, 10 * DAY
MONTH = 30.44 * DAY
SLACK = 2 * MINUTE  # a finding may begin or end this far beside its fault


@dataclass
class Score:
    """Found and injected faults by name, and false findings by kind."""

    injected: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    false: Counter[str] = field(default_factory=Counter)
    missed: list[Fault] = field(default_factory=list)
    false_findings: list[Detected] = field(default_factory=list)


def run_detectors(bars: Bars, context: SeriesContext, detectors: Sequence[Detector]) -> list[Detected]:
    """The findings of all detectors, window by window, in time order."""
    found: list[Detected] = []
    if not len(bars):
        return found
    context = replace(context, memory={})
    for start in range(int(bars.ts[0]) // DAY * DAY, int(bars.ts[-1]) + 1, WINDOW):
        window = replace(context, judged=(start, start + WINDOW))
        read = bars.slice(start - LEAD, start + WINDOW + TAIL)
        findings = merge_events([finding for detect in detectors for finding in detect(read, window)])
        found += [finding for finding in findings if start <= finding.start_ns < start + WINDOW]
    return sorted(found, key=lambda finding: finding.start_ns)


def compare(findings: Iterable[Detected], faults: Sequence[Fault]) -> Score:
    """Which faults a finding of the right kind overlaps, and which findings overlap no fault. Findings of one group
    count once."""
    score = Score(injected=Counter(fault.name for fault in faults))
    starts = np.array([fault.start for fault in faults], np.int64)
    ends = np.array([fault.end for fault in faults], np.int64)
    hit = np.zeros(len(faults), bool)
    groups: set[tuple[str, str]] = set()
    for finding in findings:
        overlapped = np.flatnonzero((starts - SLACK < finding.end_ns) & (finding.start_ns < ends + SLACK))
        for at in overlapped.tolist():
            hit[at] |= finding.kind in faults[at].kinds
        is_known = finding.group is not None and (finding.kind, finding.group) in groups
        if finding.group is not None:
            groups.add((finding.kind, finding.group))
        if not len(overlapped) and not is_known:
            score.false[finding.kind] += 1
            score.false_findings.append(finding)
    score.found = Counter(fault.name for fault, is_hit in zip(faults, hit, strict=True) if is_hit)
    score.missed = [fault for fault, is_hit in zip(faults, hit, strict=True) if not is_hit]
    return score
