"""The rules of subscriptions, requests to the vendor and covered days, which the database enforces on every writer."""

import pytest
from django.db import IntegrityError, connection

from config.testing.rows import FEEDS, RUNS, SERIES, execute, execute_one, insert
from marketdata.models import Series

REQUESTS, BACKFILLS, DATASETS, VENDOR_DAYS, SERIES_DAYS, EMPTY, STORE, SESSIONS, SESSION_SERIES, STATUS = FEEDS
NOT_BOUGHT = {
    "state": "priced", "bought_at": None, "charged_usd": None, "run_id": None, "file_path": "", "file_sha256": "",
    "received_records": None, "file_size": None,
}  # fmt: skip
NO_RUN = {"run_id": None}
BOUGHT = NO_RUN | {"state": "bought", "file_path": "", "file_sha256": "", "received_records": None}
FAILED = BOUGHT | {"state": "failed", "error": "The transfer was cut."}
OTHER_TIME = {"id": 2, "start": "2024-02-01 00:00:00+00", "end": "2024-03-01 00:00:00+00"}

OFFENCES = {
    "request_range_in_order": (REQUESTS, [{"end": "2024-01-01 00:00:00+00"}, {"end": "2023-01-01 00:00:00+00"}]),
    "request_full_minutes": (REQUESTS, [{"start": "2024-01-01 00:00:30+00"}, {"end": "2024-02-01 00:00:00.5+00"}]),
    "request_state_known": (REQUESTS, [BOUGHT | {"state": "sold"}, NOT_BOUGHT | {"state": ""}]),
    "request_reason_known": (REQUESTS, [{"reason": ""}, {"reason": "wanted"}]),
    "request_mode_known": (REQUESTS, [{"mode": "file"}]),
    "request_stype_known": (REQUESTS, [{"stype_in": "smart"}, {"stype_in": ""}]),
    "request_money_not_negative": (
        REQUESTS,
        [{"priced_usd": -1}, {"charged_usd": -1}, NOT_BOUGHT | {"priced_records": -1}],
    ),
    "request_priced_before_bought": (REQUESTS, [{"bought_at": "2024-02-02 09:59:59+00"}]),
    "request_charged_iff_bought": (
        REQUESTS,
        [
            BOUGHT | {"charged_usd": None},
            BOUGHT | {"bought_at": None},
            NOT_BOUGHT | {"charged_usd": 1},
            NOT_BOUGHT | {"state": "empty", "bought_at": "2024-02-02 10:00:01+00"},
            FAILED | {"bought_at": None, "charged_usd": None},
        ],
    ),
    "request_stored_iff_run": (REQUESTS, [NO_RUN, BOUGHT | {"run_id": 1}, FAILED | {"run_id": 1}]),
    "request_arrived_whole": (
        REQUESTS,
        [
            {"received_records": 29_999},
            {"file_sha256": ""},
            {"file_path": ""},
            NO_RUN | {"state": "arrived", "received_records": 30_001},
        ],
    ),
    "request_error_iff_failed": (
        REQUESTS,
        [{"error": "x"}, FAILED | {"error": ""}, NOT_BOUGHT | {"state": "refused"}, BOUGHT | {"error": "x"}],
    ),
    "backfill_status_known": (BACKFILLS, [{"status": "done"}]),
    "backfill_finished_iff_closed": (BACKFILLS, [{"status": "running"}, {"finished_at": None}]),
    "backfill_finished_after_start": (BACKFILLS, [{"finished_at": "2024-02-02 09:00:00+00"}]),
    "vendor_dataset_in_order": (DATASETS, [{"available_end": "2010-06-05 00:00:00+00"}]),
    "vendor_day_condition_known": (VENDOR_DAYS, [{"condition": ""}, {"condition": "Available"}]),
    "series_day_counts_not_negative": (SERIES_DAYS, [{"records": -1}, {"changed": -1}]),
    "known_empty_in_order": (EMPTY, [{"end": "2024-01-06 00:00:00+00"}]),
    "known_empty_why_known": (EMPTY, [{"why": ""}, {"why": "nothing"}]),
    "feed_session_end_iff_ended": (SESSIONS, [{"end": ""}, {"ended_at": None}]),
    "feed_session_end_known": (SESSIONS, [{"end": "EOF"}, {"end": "gone"}]),
    "feed_session_counts_not_negative": (
        SESSIONS,
        [{"bars": -1}, {"repeated": -1}, {"late": -1}, {"quarantined": -1}],
    ),
    "feed_session_ends_after_start": (SESSIONS, [{"ended_at": "2024-02-03 09:59:59+00"}]),
    "feed_session_series_stype_known": (SESSION_SERIES, [{"stype_in": ""}, {"stype_in": "smart"}]),
    "feed_status_state_known": (STATUS, [{"state": ""}, {"state": "Live"}]),
    "feed_status_counts_not_negative": (STATUS, [{"spool_files": -1}, {"sessions": -1}, {"reconnects": -1}]),
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
    if table == SESSION_SERIES:
        insert(SESSIONS)
    with pytest.raises(IntegrityError) as refusal:
        insert(table, **changes)
    assert refusal.value.__cause__.diag.constraint_name == name


def test_no_check_is_left_untested(good_rows):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = ANY (%s::regclass[])", [list(FEEDS)]
        )
        assert {name for (name,) in cursor} == set(OFFENCES)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        NO_RUN | {"state": "arrived"},
        BOUGHT,
        FAILED,
        NOT_BOUGHT,
        NOT_BOUGHT | {"state": "refused", "error": "over the cap"},
        NOT_BOUGHT | {"state": "empty", "priced_records": 0},
        {"charged_usd": 0, "priced_usd": 0},
    ],
)
def test_a_legal_request_is_stored(good_rows, changes):
    assert insert(REQUESTS, **changes) == 1


@pytest.mark.parametrize("state", [BOUGHT, NO_RUN | {"state": "arrived"}, {}])
@pytest.mark.parametrize("reason", ["missing", "hole"])
def test_a_range_is_bought_once(good_rows, state, reason):
    insert(REQUESTS, reason=reason, **state)
    with pytest.raises(IntegrityError) as refusal:
        insert(REQUESTS, **BOUGHT, id=2, start="2024-01-31 23:59:00+00", end="2024-03-01 00:00:00+00")
    assert refusal.value.__cause__.diag.constraint_name == "request_bought_once"


@pytest.mark.parametrize(
    "again",
    [
        BOUGHT | OTHER_TIME,
        NOT_BOUGHT | {"id": 2},
        *(BOUGHT | {"id": 2, "reason": reason} for reason in ("confirm", "revised", "degraded", "file_lost", "manual")),
    ],
)
def test_what_the_plan_may_buy_again_is_stored(good_rows, again):
    insert(REQUESTS)
    assert insert(REQUESTS, **again) == 1


def test_a_failed_request_may_be_bought_again(good_rows):
    insert(REQUESTS, **FAILED)
    assert insert(REQUESTS, **BOUGHT | {"id": 2}) == 1


def test_a_run_names_a_request_that_exists(good_rows):
    with pytest.raises(IntegrityError) as refusal:
        execute("UPDATE data_ingest_runs SET feed_request_id = 7")
    assert refusal.value.__cause__.diag.constraint_name == "run_feed_request_exists"


def test_a_run_names_a_session_that_exists(good_rows):
    with pytest.raises(IntegrityError) as refusal:
        execute("UPDATE data_ingest_runs SET kind = 'live', feed_session_id = 7")
    assert refusal.value.__cause__.diag.constraint_name == "run_feed_session_exists"


def test_mnq_is_subscribed_and_not_daily(db):
    mnq = Series.objects.get(slug="mnq")

    assert (mnq.dataset, mnq.feed_symbol, mnq.feed_stype) == ("GLBX.MDP3", "MNQ.c.0", "continuous")
    assert (mnq.feed_start, mnq.feed_daily) == (None, False)


def test_a_database_has_one_identifier(db):
    assert execute_one("SELECT count(*) FROM feed_store") == 1
    with pytest.raises(IntegrityError):
        insert(STORE)
