"""Compares what a check found with what is stored: changes the findings in memory, and lists what is to be written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from marketdata.models import QualityEvent, QualityFinding
from marketdata.quality.store.found import Found
from marketdata.quality.store.match import match_found

State, Event = QualityFinding.State, QualityEvent.Event

SEEN_FIELDS = ("severity", "start", "end", "value", "threshold", "text", "evidence", "group")
SNOOZE_OVER = "It was acknowledged until now."
STATE_FIELDS = (
    *("state", "acknowledged_by", "acknowledged_at", "note", "until"),
    *("resolved_at", "resolved_how", "resolved_by", "resolution"),
)


@dataclass
class Changes:
    """What a check changes. `new` are findings that are not stored yet, `seen` those that it found again."""

    new: list[QualityFinding] = field(default_factory=list)
    seen: list[QualityFinding] = field(default_factory=list)
    same: set[int] = field(default_factory=set)  # the ids of those that were found again as they are stored
    gone: list[QualityFinding] = field(default_factory=list)
    unchanged: list[QualityFinding] = field(default_factory=list)  # not in the checked range
    events: list[QualityEvent] = field(default_factory=list)

    @property
    def findings(self) -> list[QualityFinding]:
        """All findings as they are after the check, in time order."""
        every = [*self.new, *self.seen, *self.gone, *self.unchanged]
        return sorted(every, key=lambda finding: (finding.start, finding.kind, finding.end))

    def list_unresolved(self) -> list[QualityFinding]:
        """Those that are open or acknowledged, in time order."""
        return [finding for finding in self.findings if finding.state != State.RESOLVED]


@dataclass(frozen=True)
class Rules:
    """What decides how findings change: the time of the check, which stored findings it looked for, which new ones are
    baseline, and the sentence for each that is gone."""

    now: datetime
    is_in_scope: Callable[[QualityFinding], bool]
    is_baseline: Callable[[Found], bool] = lambda found: False
    explain: Callable[[QualityFinding], str] = lambda finding: "The check no longer finds it."


def reconcile(stored: Sequence[QualityFinding], found: Sequence[Found], rules: Rules) -> Changes:
    """The changes by which the stored findings become those that were found. The stored ones are changed in memory.

    A finding that was resolved by hand stays resolved: its fault is known. One that was resolved by itself is open
    again if its fault is back, and any if the fault began later, as the next outage of a feed.
    """
    changes = Changes()
    matched = match_found(stored, found)
    for fault, finding in zip(found, matched, strict=True):
        if finding is None:
            changes.new.append(_create(fault, rules))
        else:
            _see(finding, fault, rules, changes)
    again = {finding.pk for finding in matched if finding is not None}
    for finding in stored:
        if finding.pk not in again:
            _miss(finding, rules, changes)
    changes.events += [
        QualityEvent(finding=finding, at=rules.now, event=Event.FOUND, note=finding.text[:2000])
        for finding in changes.new
    ]
    return changes


def _create(fault: Found, rules: Rules) -> QualityFinding:
    return QualityFinding(
        series_id=fault.series_id,
        kind=fault.kind,
        identity=fault.identity,
        run_id=fault.run_id,
        is_baseline=rules.is_baseline(fault),
        first_seen=rules.now,
        last_seen=rules.now,
        **{name: getattr(fault, name) for name in SEEN_FIELDS},
    )


def _see(finding: QualityFinding, fault: Found, rules: Rules, changes: Changes) -> None:
    is_same = all(getattr(finding, name) == getattr(fault, name) for name in SEEN_FIELDS)
    for name in SEEN_FIELDS:
        setattr(finding, name, getattr(fault, name))
    finding.last_seen = max(rules.now, finding.last_seen)
    if _is_back(finding, fault):
        finding.is_baseline = False
        finding.run_id = fault.run_id
        _open(finding, rules, changes, "The fault is back.")
        is_same = False
    elif _end_snooze(finding, rules, changes):
        is_same = False
    changes.seen.append(finding)
    if is_same:
        changes.same.add(finding.pk)


def _is_back(finding: QualityFinding, fault: Found) -> bool:
    """Whether the fault of a resolved finding came again: after it was gone, or later than it was resolved by hand."""
    if finding.state != State.RESOLVED or finding.resolved_at is None:
        return False
    return finding.resolved_how == QualityFinding.How.ITSELF or fault.start > finding.resolved_at


def _miss(finding: QualityFinding, rules: Rules, changes: Changes) -> None:
    if finding.state == State.RESOLVED or not rules.is_in_scope(finding):
        if finding.state != State.RESOLVED and _end_snooze(finding, rules, changes):
            changes.seen.append(finding)
        else:
            changes.unchanged.append(finding)
        return
    finding.state, finding.resolved_at = State.RESOLVED, rules.now
    finding.resolved_how, finding.resolution = QualityFinding.How.ITSELF, rules.explain(finding)
    changes.events.append(QualityEvent(finding=finding, at=rules.now, event=Event.RESOLVED, note=finding.resolution))
    changes.gone.append(finding)


def _end_snooze(finding: QualityFinding, rules: Rules, changes: Changes) -> bool:
    """Open a finding again that was acknowledged until now."""
    if finding.state != State.ACKNOWLEDGED or finding.until is None or finding.until > rules.now:
        return False
    _open(finding, rules, changes, SNOOZE_OVER)
    return True


def _open(finding: QualityFinding, rules: Rules, changes: Changes, note: str) -> None:
    finding.state, finding.resolved_at, finding.acknowledged_at, finding.until = State.OPEN, None, None, None
    finding.resolved_how = finding.resolved_by = finding.resolution = finding.acknowledged_by = finding.note = ""
    changes.events.append(QualityEvent(finding=finding, at=rules.now, event=Event.REOPENED, note=note))
