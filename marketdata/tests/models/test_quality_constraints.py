"""The rules of findings, which the database enforces on every writer."""

import pytest
from django.db import IntegrityError, connection

from config.testing.rows import QUALITY, RUNS, SERIES, execute_one, insert
from marketdata.models import QualityFinding, Series
from marketdata.quality.detectors.thresholds import KINDS, SEVERITIES

FINDINGS, EVENTS, CHECKS = QUALITY
ACKNOWLEDGED = {
    "state": "acknowledged",
    "acknowledged_by": "ann",
    "acknowledged_at": "2024-02-03 11:00:00+00",
    "note": "known at the vendor",
}
RESOLVED = {
    "state": "resolved",
    "resolved_at": "2024-02-03 11:00:00+00",
    "resolved_how": "itself",
    "resolution": "Run 8 corrected the bar.",
}
BY_HAND = RESOLVED | {"resolved_how": "hand", "resolved_by": "ann"}

OFFENCES = {
    "quality_kind_known": (FINDINGS, [{"kind": ""}, {"kind": "Spike"}, {"kind": "gap"}]),
    "quality_severity_known": (FINDINGS, [{"severity": ""}, {"severity": "fatal"}]),
    "quality_state_known": (FINDINGS, [{"state": ""}, {"state": "closed"}]),
    "quality_range_in_order": (FINDINGS, [{"end": "2024-01-02 10:00:00+00"}, {"end": "2024-01-02 09:00:00+00"}]),
    "quality_seen_in_order": (FINDINGS, [{"last_seen": "2024-02-03 09:59:59+00"}]),
    "quality_text_not_empty": (FINDINGS, [{"text": ""}]),
    "quality_is_about_something": (FINDINGS, [{"series_id": None}]),
    "quality_acknowledged_by_a_user": (FINDINGS, [{"state": "acknowledged"}]),
    "quality_acknowledgement_complete": (
        FINDINGS,
        [{"note": "known"}, {"until": "2024-03-01 00:00:00+00"}, {"acknowledged_at": "2024-03-01 00:00:00+00"}],
    ),
    "quality_resolved_iff_closed": (
        FINDINGS,
        [
            {"state": "resolved"},
            RESOLVED | {"state": "open"},
            RESOLVED | {"resolution": ""},
            RESOLVED | {"resolved_how": ""},
            RESOLVED | {"resolved_at": None},
            {"resolution": "It is gone."},
        ],
    ),
    "quality_hand_is_a_user": (FINDINGS, [BY_HAND | {"resolved_by": ""}, RESOLVED | {"resolved_by": "ann"}]),
    "quality_event_known": (EVENTS, [{"event": ""}, {"event": "seen"}]),
    "quality_check_range_in_order": (CHECKS, [{"end": "2024-01-02 00:00:00+00"}]),
    "quality_check_times_in_order": (CHECKS, [{"last_at": "2024-02-03 09:00:00+00"}]),
}
CASES = [(name, table, changes) for name, (table, ways) in OFFENCES.items() for changes in ways]


@pytest.fixture
def good_rows(db):
    """A run, and a series with the id 1."""
    insert(RUNS)
    if not Series.objects.filter(pk=1).exists():
        insert(SERIES, id=1)


@pytest.mark.parametrize(("name", "table", "changes"), CASES)
def test_a_row_that_breaks_a_rule_is_refused_by_that_rule(good_rows, name, table, changes):
    if table == EVENTS:
        insert(FINDINGS)
    with pytest.raises(IntegrityError) as refusal:
        insert(table, **changes)
    assert refusal.value.__cause__.diag.constraint_name == name


def test_no_check_is_left_untested(good_rows):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = ANY (%s::regclass[])", [list(QUALITY)]
        )
        assert {name for (name,) in cursor} == set(OFFENCES)


@pytest.mark.parametrize(
    "changes", [{}, ACKNOWLEDGED, RESOLVED, BY_HAND, RESOLVED | ACKNOWLEDGED | {"state": "resolved"}]
)
def test_a_legal_finding_is_stored(good_rows, changes):
    assert insert(FINDINGS, **changes) == 1


def test_what_has_no_bars_is_found_once(good_rows):
    about = {"series_id": None, "kind": "run_failed", "identity": "run 7"}
    insert(FINDINGS, **about)
    with pytest.raises(IntegrityError) as refusal:
        insert(FINDINGS, **about, id=2)
    assert refusal.value.__cause__.diag.constraint_name == "quality_identity_once"


@pytest.mark.parametrize("value", ["[]", "3", "null"])
def test_thresholds_of_a_series_are_an_object(db, value):
    with pytest.raises(IntegrityError) as refusal:
        insert(SERIES, id=900, quality_thresholds=value)
    assert refusal.value.__cause__.diag.constraint_name == "series_quality_thresholds_object"


def test_a_series_of_other_programs_has_the_default_thresholds(db):
    insert(SERIES, id=900)
    assert execute_one("SELECT quality_thresholds::text FROM market_series WHERE id = 900") == "{}"


def test_kinds_and_severities_are_those_of_the_detectors():
    assert tuple(QualityFinding.Kind.values) == KINDS
    assert tuple(QualityFinding.Severity.values) == SEVERITIES
