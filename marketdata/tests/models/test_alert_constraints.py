"""The rules of alerts and their delivery, which the database enforces on every writer."""

import pytest
from django.db import IntegrityError, connection

from config.testing.rows import ALERTS, QUALITY, RUNS, SERIES, insert
from marketdata.models import Series

ALERT, ALERT_EVENTS, DELIVERIES = ALERTS
FINDINGS, EVENTS, _ = QUALITY
WAITING = {"state": "waiting", "attempts": 0, "claimed_at": None, "delivered_at": None}
FAILED = {"state": "failed", "delivered_at": None}

OFFENCES = {
    "alert_event_known": (ALERT, [{"event": ""}, {"event": "digest"}]),
    "alert_severity_known": (ALERT, [{"severity": "fatal"}]),
    "alert_subject_not_empty": (ALERT, [{"subject": ""}]),
    "alert_event_outcome_known": (ALERT_EVENTS, [{"outcome": "lost", "alert_id": None}]),
    "alert_event_alerted_iff_alert": (ALERT_EVENTS, [{"alert_id": None}, {"outcome": "minor"}]),
    "delivery_state_known": (DELIVERIES, [WAITING | {"state": "sent", "attempts": 1, "claimed_at": "2024-02-03"}]),
    "delivery_delivered_iff_time": (DELIVERIES, [{"delivered_at": None}, WAITING | {"delivered_at": "2024-02-03"}]),
    "delivery_claimed_if_sent": (DELIVERIES, [{"attempts": 0}, {"claimed_at": None}]),
    "delivery_attempts_not_negative": (DELIVERIES, [WAITING | {"attempts": -1}]),
    "delivery_error_if_failed": (DELIVERIES, [FAILED]),
}
CASES = [(name, table, changes) for name, (table, ways) in OFFENCES.items() for changes in ways]


@pytest.fixture
def good_rows(db):
    """A finding with an event, both number 1."""
    insert(RUNS)
    if not Series.objects.filter(pk=1).exists():
        insert(SERIES, id=1)
    insert(FINDINGS)
    insert(EVENTS, id=1)


@pytest.mark.parametrize(("name", "table", "changes"), CASES)
def test_a_row_that_breaks_a_rule_is_refused_by_that_rule(good_rows, name, table, changes):
    if table != ALERT:
        insert(ALERT)
    with pytest.raises(IntegrityError) as refusal:
        insert(table, **changes)
    assert refusal.value.__cause__.diag.constraint_name == name


def test_no_check_is_left_untested(good_rows):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = ANY (%s::regclass[])", [list(ALERTS)]
        )
        assert {name for (name,) in cursor} == set(OFFENCES)


def test_an_event_is_in_one_alert(good_rows):
    insert(ALERT)
    insert(ALERT_EVENTS)
    with pytest.raises(IntegrityError):
        insert(ALERT_EVENTS)


def test_a_channel_gets_an_alert_once(good_rows):
    insert(ALERT)
    insert(DELIVERIES)
    with pytest.raises(IntegrityError) as refusal:
        insert(DELIVERIES, **WAITING)
    assert refusal.value.__cause__.diag.constraint_name == "delivery_once_per_channel"
