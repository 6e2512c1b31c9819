"""A finding is one fault for good: what a check changes of it, in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from marketdata.models import QualityFinding
from marketdata.quality.store.found import Found
from marketdata.quality.store.match import match_found
from marketdata.quality.store.reconcile import Rules, reconcile

NOON = datetime(2024, 1, 2, 12, tzinfo=UTC)
NOW = datetime(2024, 2, 1, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def make_found(start: datetime = NOON, end: datetime = NOON + HOUR, **changes) -> Found:
    return replace(Found("missing", "error", start, end, 60.0, 2.0, "60 bars are missing.", series_id=1), **changes)


def make_stored(pk: int = 1, start: datetime = NOON, end: datetime = NOON + HOUR, **changes) -> QualityFinding:
    values = {
        "kind": "missing",
        "severity": "error",
        "value": 60.0,
        "threshold": 2.0,
        "text": "60 bars are missing.",
        "first_seen": NOW - HOUR,
        "last_seen": NOW - HOUR,
        "series_id": 1,
    }
    return QualityFinding(pk=pk, start=start, end=end, **(values | changes))


def make_rules(**changes) -> Rules:
    return replace(Rules(NOW, lambda finding: True), **changes)


RESOLVED = {
    "state": "resolved",
    "resolved_at": NOW - HOUR,
    "resolved_how": "itself",
    "resolution": "Run 2 loaded them.",
}
ACKNOWLEDGED = {"state": "acknowledged", "acknowledged_by": "ann", "acknowledged_at": NOW - HOUR, "note": "known"}


def test_a_new_fault_is_open():
    changes = reconcile([], [make_found(run_id=7)], make_rules(is_baseline=lambda found: True))
    (finding,) = changes.new
    assert (finding.state, finding.run_id, finding.is_baseline, finding.first_seen) == ("open", 7, True, NOW)
    assert [(event.event, event.finding) for event in changes.events] == [("found", finding)]


def test_a_fault_whose_range_changed_is_the_same():
    stored = make_stored()
    changes = reconcile([stored], [make_found(end=NOON + 50 * MINUTE, value=50.0)], make_rules())
    assert changes.seen == [stored]
    assert (stored.end, stored.value, stored.first_seen, stored.last_seen) == (
        NOON + 50 * MINUTE,
        50.0,
        NOW - HOUR,
        NOW,
    )
    assert not changes.new + changes.gone + changes.events


def test_the_fault_that_shares_most_minutes_is_the_same():
    stored = make_stored(end=NOON + 2 * HOUR)
    small, large = make_found(end=NOON + 20 * MINUTE), make_found(start=NOON + HOUR, end=NOON + 2 * HOUR)
    changes = reconcile([stored], [small, large], make_rules())
    assert (changes.seen, stored.start) == ([stored], NOON + HOUR)
    assert [finding.end for finding in changes.new] == [NOON + 20 * MINUTE]


def test_two_findings_that_become_one_fault_leave_one():
    first, second = make_stored(1, end=NOON + 10 * MINUTE), make_stored(2, start=NOON + 20 * MINUTE)
    changes = reconcile([first, second], [make_found()], make_rules())
    assert (changes.seen, changes.gone) == ([second], [first])


@pytest.mark.parametrize(
    "found",
    [
        make_found(start=NOON + HOUR, end=NOON + 2 * HOUR),
        make_found(kind="flat"),
        make_found(start=NOON - HOUR, end=NOON),
    ],
)
def test_other_minutes_and_other_kinds_are_other_faults(found):
    assert match_found([make_stored()], [found]) == [None]


def test_a_long_finding_is_found_before_later_ones():
    long = make_stored(1, start=NOON - 30 * HOUR, end=NOON + 30 * HOUR)
    short = [make_stored(2 + hour, start=NOON + hour * HOUR, end=NOON + hour * HOUR + MINUTE) for hour in range(5)]
    found = make_found(start=NOON + 10 * HOUR, end=NOON + 11 * HOUR)
    assert match_found([*short, long], [found]) == [long]


def test_what_has_no_bars_is_the_same_by_what_it_is_about():
    stored = make_stored(kind="run_failed", identity="run 7")
    found = make_found(kind="run_failed", identity="run 7", start=NOW, end=NOW + HOUR)
    assert match_found([stored], [found, replace(found, identity="run 8")]) == [stored, None]


def test_a_fault_that_is_gone_is_resolved_by_itself_with_a_reason():
    stored = make_stored()
    changes = reconcile([stored], [], make_rules(explain=lambda finding: "Run 9 loaded bars."))
    assert changes.gone == [stored]
    assert (stored.state, stored.resolved_how, stored.resolution, stored.resolved_at) == (
        "resolved",
        "itself",
        "Run 9 loaded bars.",
        NOW,
    )
    assert [(event.event, event.note) for event in changes.events] == [("resolved", "Run 9 loaded bars.")]
    assert changes.list_unresolved() == []


def test_a_fault_outside_the_checked_range_stays():
    stored = make_stored()
    changes = reconcile([stored], [], make_rules(is_in_scope=lambda finding: False))
    assert (changes.unchanged, stored.state) == ([stored], "open")
    assert changes.list_unresolved() == [stored]


def test_a_fault_that_is_back_is_open_again():
    stored = make_stored(**RESOLVED, is_baseline=True, run_id=1)
    changes = reconcile([stored], [make_found(run_id=9)], make_rules())
    assert (stored.state, stored.resolved_at, stored.resolution, stored.resolved_how) == ("open", None, "", "")
    assert (stored.is_baseline, stored.run_id) == (False, 9)
    assert [event.event for event in changes.events] == ["reopened"]


def test_a_fault_that_was_resolved_by_hand_stays_resolved():
    stored = make_stored(**(RESOLVED | {"resolved_how": "hand", "resolved_by": "ann"}))
    for found in ([make_found()], []):
        assert not reconcile([stored], found, make_rules()).events
        assert (stored.state, stored.resolved_by) == ("resolved", "ann")


def test_the_next_outage_opens_what_was_resolved_by_hand():
    about = {"kind": "feed_outage", "identity": "feed GLBX.MDP3"}
    stored = make_stored(**(RESOLVED | {"resolved_how": "hand", "resolved_by": "ann"} | about))
    later = make_found(start=NOW, end=NOW + HOUR, **about)
    reconcile([stored], [later], make_rules())
    assert (stored.state, stored.start) == ("open", NOW)


def test_an_acknowledged_fault_stays_acknowledged():
    stored = make_stored(**ACKNOWLEDGED)
    changes = reconcile([stored], [make_found()], make_rules())
    assert (stored.state, stored.note, changes.events) == ("acknowledged", "known", [])
    assert changes.list_unresolved() == [stored]


@pytest.mark.parametrize("found", [[make_found()], []])
def test_an_acknowledgement_ends_at_its_time(found):
    stored = make_stored(**ACKNOWLEDGED, until=NOW)
    changes = reconcile([stored], found, make_rules(is_in_scope=lambda finding: False))
    assert (stored.state, stored.acknowledged_by, stored.acknowledged_at, stored.until) == ("open", "", None, None)
    assert (changes.seen, [event.event for event in changes.events]) == ([stored], ["reopened"])


def test_an_acknowledged_fault_that_is_gone_is_resolved():
    stored = make_stored(**ACKNOWLEDGED)
    assert reconcile([stored], [], make_rules()).gone == [stored]
    assert (stored.state, stored.acknowledged_by) == ("resolved", "ann")


def test_a_second_check_changes_nothing():
    first = reconcile([], [make_found()], make_rules()).new[0]
    first.pk = 1
    again = reconcile([first], [make_found()], make_rules())
    assert (again.seen, again.new, again.gone, again.events) == ([first], [], [], [])
