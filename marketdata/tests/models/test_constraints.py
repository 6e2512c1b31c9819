"""The rules that the database enforces on every writer: each test breaks one with plain SQL."""

import datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection

from config.testing.rows import (
    BARS,
    FAILED,
    GOOD,
    INSTRUMENTS,
    REVISIONS,
    RUNNING,
    RUNS,
    SERIES,
    UNDO,
    execute,
    execute_one,
    insert,
)


@pytest.fixture
def run_1(db):
    """A successful run, number 1, for rows that must name one, and partitions for all times."""
    insert(RUNS)
    execute("""
        SELECT market_bars_add_partitions(ARRAY[1900, 1969, 2199]);
        CREATE TABLE before PARTITION OF market_bars_ohlcv_1m FOR VALUES FROM (MINVALUE) TO ('1900-01-01 00:00+00');
        CREATE TABLE after PARTITION OF market_bars_ohlcv_1m FOR VALUES FROM ('2200-01-01 00:00+00') TO (MAXVALUE)
    """)


NO_FILE = {"file_path": "", "file_sha256": ""}
SPLIT = NO_FILE | {"kind": "split", "inserted_count": 0, "duplicate_count": 0, "gap_count": 0, "removed_count": 0}
SPLIT |= {"row_count": 3, "updated_count": 3, "changed_count": 3}
NOTHING_COUNTED = {"inserted_count": 0, "updated_count": 0, "changed_count": 0}

# constraint -> the ways to break it alone: the table, and what to change in its good row
OFFENCES = {
    "archived_year_in_calendars": ("market_archived_years", [{"year": 1899}, {"year": 2200}]),
    "archived_year_count_not_negative": ("market_archived_years", [{"bar_count": -1}]),
    "archived_year_names_a_lake": ("market_archived_years", [{"lake": ""}]),
    "archived_year_dropped_later": ("market_archived_years", [{"dropped_at": "2024-02-01 10:00:59+00"}]),
    "bar_high_low_enclose": (
        BARS,
        [
            {"high": Decimal("16800.499999999")},
            {"high": Decimal("16800.1"), "close": Decimal("16800")},
            {"low": Decimal("16800.250000001")},
            {"low": Decimal("16800.1"), "open": Decimal("16800.5"), "close": Decimal("16800")},
        ],
    ),
    "bar_prices_finite": (
        BARS,
        [
            {"high": "NaN"},
            {"open": "NaN", "high": "NaN"},
            {"close": "NaN", "high": "NaN"},
            dict.fromkeys(("open", "high", "low", "close"), "NaN"),
        ],
    ),
    "bar_volume_not_negative": (BARS, [{"volume": -1}, {"volume": "NaN"}]),
    "bar_whole_minute": (
        BARS,
        [{"ts": "2024-01-02 00:00:30+00", "ts_ms": 1_704_153_630_000}],
    ),
    "bar_ts_ms_agrees": (
        BARS,
        [{"ts_ms": 1_704_153_660_000}, {"ts": "2024-01-02 00:00:00.000001+00"}],
    ),
    "bar_ts_in_calendars": (
        BARS,
        [
            {"ts": "1899-12-31 23:59:00+00", "ts_ms": -2_208_988_860_000},
            {"ts": "2200-01-01 00:00:00+00", "ts_ms": 7_258_118_400_000},
            {"ts": "infinity"},
            {"ts": "12000-01-01 00:00:00+00", "ts_ms": 316_516_204_800_000},
        ],
    ),
    "revision_operation_known": (REVISIONS, [{"operation": "insert"}, {"operation": ""}]),
    "series_slug_not_empty": (SERIES, [{"slug": ""}]),
    "series_symbol_not_empty": (SERIES, [{"symbol": ""}]),
    "series_tick_size_positive": (SERIES, [{"tick_size": 0}, {"tick_size": Decimal("-0.25")}]),
    "series_price_step_not_negative": (SERIES, [{"price_step": Decimal("-0.25")}]),
    "series_quality_thresholds_object": (SERIES, [{"quality_thresholds": "[]"}, {"quality_thresholds": "null"}]),
    "series_kind_known": (SERIES, [{"kind": "future"}, {"kind": ""}]),
    "series_month_known": (SERIES, [{"contract_month": 0}, {"contract_month": 13}]),
    "series_year_has_month": (SERIES, [{"contract_year": 2025}]),
    "instrument_dates_in_order": (
        INSTRUMENTS,
        [{"end_date": "2024-01-02"}, {"end_date": "2024-01-01"}],
    ),
    "series_feed_stype_known": (SERIES, [{"feed_symbol": "X", "feed_stype": "smart"}]),
    "series_feed_complete": (
        SERIES,
        [
            {"feed_symbol": "X"},
            {"feed_stype": "parent"},
            {"feed_daily": True},
            {"feed_symbol": "X", "feed_stype": "parent", "dataset": ""},
        ],
    ),
    "series_live_has_symbol": (SERIES, [{"live": True}]),
    "run_feed_session_is_live": (RUNS, [{"feed_session_id": 1}]),
    "run_kind_known": (RUNS, [{"kind": "File"}, {"kind": ""}, {"kind": "stream"}]),
    "run_kind_undo_iff_undoes": (
        RUNS,
        [{"kind": "undo"}, RUNNING | {"kind": "undo"}, UNDO | {"kind": "file"}, RUNNING | {"undoes_id": 1} | NO_FILE],
    ),
    "run_status_known": (RUNS, [RUNNING | {"status": "Running", "finished_at": "2024-02-01 10:00:05+00"}]),
    "run_finished_iff_closed": (
        RUNS,
        [{"finished_at": None}, FAILED | {"finished_at": None}, RUNNING | {"finished_at": "2024-02-01 10:00:05+00"}],
    ),
    "run_error_iff_failed": (RUNS, [FAILED | {"error": ""}, {"error": "something"}, RUNNING | {"error": "something"}]),
    "run_dismissed_if_failed": (
        RUNS,
        [
            FAILED | {"dismissed_by": "alice"},
            FAILED | {"dismissed_reason": "a test"},
            FAILED | {"dismissed_at": "2024-02-01 10:00:06+00", "dismissed_by": "alice"},
            FAILED | {"dismissed_at": "2024-02-01 10:00:06+00", "dismissed_reason": "a test"},
            {"dismissed_at": "2024-02-01 10:00:06+00", "dismissed_by": "alice", "dismissed_reason": "a test"},
        ],
    ),
    "run_finished_after_start": (RUNS, [{"finished_at": "2024-02-01 09:59:59+00"}]),
    "run_counts_not_negative": (
        RUNS,
        [
            RUNNING | {"row_count": -1},
            {"inserted_count": -1, "updated_count": 6},
            {"updated_count": -1, "changed_count": -1, "inserted_count": 6},
            {"changed_count": -1},
            {"duplicate_count": -1, "inserted_count": 5},
            {"removed_count": -1},
            {"gap_count": -1},
            UNDO | {"left_count": -1},
            {"withdrawn_count": -1},
        ],
    ),
    "run_counts_add_up": (
        RUNS,
        [
            {"row_count": 7},
            {"changed_count": 3},
            NOTHING_COUNTED | {"row_count": 0, "duplicate_count": 0},
            FAILED | {"row_count": 1, "inserted_count": 1},
            FAILED | {"updated_count": 1},
            FAILED | {"updated_count": 1, "changed_count": 1},
            RUNNING | {"removed_count": 1},
            {"left_count": 1},
            FAILED | {"kind": "undo", "undoes_id": 1, "file_path": "", "file_sha256": "", "left_count": 1},
            UNDO | {"row_count": 5},
            UNDO | {"updated_count": 3},
            UNDO | {"changed_count": 1, "row_count": 5},
            UNDO | {"duplicate_count": 1},
            UNDO | {"gap_count": 1},
            SPLIT | {"row_count": 4},
            SPLIT | {"changed_count": 2},
            SPLIT | {"inserted_count": 1},
            SPLIT | {"removed_count": 1},
            SPLIT | {"left_count": 1},
        ],
    ),
    "run_times_in_order": (
        RUNS,
        [
            {"min_ts": "2024-01-02 00:06:00+00"},
            {"min_ts": None},
            {"max_ts": None},
            {"min_ts": None, "max_ts": None},
            FAILED | {"max_ts": "2024-01-02 00:06:00+00"},
        ],
    ),
    "run_undo_has_no_file": (
        RUNS,
        [UNDO | {"file_path": "/raw/mnq.dbn"}, UNDO | {"file_sha256": "0" * 64}, UNDO | {"file_size": 56}],
    ),
    "run_undoes_an_earlier": (RUNS, [UNDO | {"undoes_id": 2}, UNDO | {"undoes_id": 3}]),
    "instrument_replaced_by_another": (INSTRUMENTS, [{"replaced_by_id": 1}]),
    "run_sha256_form": (
        RUNS,
        [
            {"file_sha256": ""},
            {"file_sha256": "0" * 63},
            {"file_sha256": "A" * 64},
            {"file_sha256": "g" * 64},
            FAILED | {"file_sha256": "unknown"},
            SPLIT | {"file_sha256": "unknown"},
        ],
    ),
}
CASES = [
    pytest.param(name, table, changes, id=f"{name}-{number}")
    for name, (table, ways) in OFFENCES.items()
    for number, changes in enumerate(ways, start=1)
]


@pytest.mark.parametrize("name, table, changes", CASES)
def test_a_row_that_breaks_a_rule_is_refused_by_that_rule(run_1, name, table, changes):
    with pytest.raises(IntegrityError) as refusal:
        insert(table, **{"id": 2} if table == RUNS else {}, **changes)

    assert refusal.value.__cause__.diag.constraint_name == name


def test_no_check_is_left_untested(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = ANY (%s::regclass[])", [list(GOOD)]
        )
        checks = {row[0] for row in cursor.fetchall()}
        cursor.execute("SELECT count(*) FROM pg_constraint WHERE contype = 'c' AND NOT convalidated")
        not_valid = cursor.fetchone()[0]

    assert checks == set(OFFENCES)
    assert not_valid == 0


LEGAL = [
    (RUNS, {}),
    (RUNS, RUNNING),
    (RUNS, FAILED | {"file_sha256": ""}),
    (RUNS, FAILED | {"row_count": 3, "duplicate_count": 1, "gap_count": 1}),
    (RUNS, {"removed_count": 7, "min_ts": "2024-01-02 00:05:00+00"}),
    (RUNS, {"finished_at": "2024-02-01 10:00:00+00"}),
    (RUNS, UNDO),
    (RUNS, UNDO | {"left_count": 5}),
    (RUNS, UNDO | RUNNING | {"removed_count": 0}),
    (RUNS, UNDO | {"inserted_count": 0, "updated_count": 0, "changed_count": 0, "removed_count": 0, "row_count": 0}),
    (RUNS, SPLIT),
    (RUNS, SPLIT | {"row_count": 0, "updated_count": 0, "changed_count": 0}),
    (RUNS, {"withdrawn_count": 3}),
    (BARS, {}),
    (BARS, {"open": -40, "high": -30, "low": Decimal("-50.000000001"), "close": Decimal("-50.000000001")}),
    (BARS, dict.fromkeys(("open", "high", "low", "close"), 0)),
    (BARS, dict.fromkeys(("open", "high", "low", "close"), Decimal("9223372036.854775807"))),
    (BARS, {"volume": 2**64 - 1}),
    (BARS, {"volume": 0}),
    (BARS, {"ts": "1969-12-31 23:59:00+00", "ts_ms": -60_000}),
    (BARS, {"symbol": "NQ  FMM0025!"}),
    (REVISIONS, {}),
    (REVISIONS, {"operation": "delete"}),
    (SERIES, {}),
    (SERIES, {"tick_size": None}),
    (SERIES, {"price_step": 0}),
    (SERIES, {"kind": "outright", "root": "NQ", "contract_month": 12, "contract_year": 2025}),
    (SERIES, {"kind": "outright", "root": "NQ", "contract_month": 1, "contract_year": None, "is_settled": False}),
    (INSTRUMENTS, {}),
]


@pytest.mark.parametrize("table, changes", LEGAL)
def test_rows_at_the_limits_are_accepted(run_1, table, changes):
    own = {RUNS: {"id": 2}, INSTRUMENTS: {"series_id": execute_one("SELECT id FROM market_series")}}
    assert insert(table, **own.get(table, {}), **changes) == 1


def test_an_endless_price_or_volume_does_not_fit_its_column(run_1):
    for changes in (
        {"high": "Infinity"},
        {"low": "-Infinity"},
        {"volume": "Infinity"},
        {"volume": 10**20},
        {"high": 10**11},
    ):
        with pytest.raises(DatabaseError, match="numeric field overflow"):
            insert(BARS, **changes)


@pytest.mark.parametrize(
    "table, columns",
    [
        (BARS, ["symbol", "ts"]),
        (REVISIONS, ["symbol", "ts", "revised_by_id"]),
        (SERIES, ["slug"]),
        (SERIES, ["symbol"]),
        (INSTRUMENTS, ["series_id", "start_date", "dataset", "publisher_id", "instrument_id"]),
    ],
)
def test_a_unique_row_is_refused_twice(run_1, table, columns):
    series = {"series_id": execute_one("SELECT id FROM market_series")} if table == INSTRUMENTS else {}
    insert(table, **series)
    others = {"slug": {"symbol": "other"}, "symbol": {"slug": "other"}}.get(columns[0], {}) if table == SERIES else {}
    with pytest.raises(IntegrityError, match="duplicate key") as refusal:
        insert(table, **series, **others)

    assert refusal.value.__cause__.diag.table_name.startswith(table)  # or that of the partition


def test_a_run_is_undone_wholly_once(run_1):
    insert(RUNS, id=2, **UNDO | {"left_count": 4})
    insert(RUNS, id=3, **FAILED | {"kind": "undo", "undoes_id": 1, "file_path": "", "file_sha256": ""})
    insert(RUNS, id=4, **UNDO)
    insert(RUNS, id=5, **UNDO | {"left_count": 4})
    with pytest.raises(IntegrityError, match="duplicate key") as refusal:
        insert(RUNS, id=6, **UNDO)
    assert refusal.value.__cause__.diag.constraint_name == "run_undone_once"
    for refused in (
        "DELETE FROM data_ingest_runs WHERE id = 1",
        "UPDATE data_ingest_runs SET undoes_id = 0 WHERE id = 4",
    ):
        with pytest.raises(IntegrityError, match="violates foreign key") as refusal:
            execute(refused)
        assert refusal.value.__cause__.diag.constraint_name == "run_undoes_a_run"


def test_replaced_dates_may_be_stored_again(run_1):
    insert(RUNS, id=2)
    insert(RUNS, id=3)
    series = {"series_id": execute_one("SELECT id FROM market_series")}
    for replaced_by in (None, 2, 3, 3):
        insert(INSTRUMENTS, **series, replaced_by_id=replaced_by)
    with pytest.raises(IntegrityError, match="duplicate key") as refusal:
        execute("UPDATE market_series_instruments SET replaced_by_id = NULL")
    assert refusal.value.__cause__.diag.constraint_name == "instrument_interval_once"
    with pytest.raises(IntegrityError, match="violates foreign key"):
        execute("DELETE FROM data_ingest_runs WHERE id = 3; SET CONSTRAINTS ALL IMMEDIATE")


def test_the_default_kind_of_a_run_is_file(run_1):
    """A writer of an earlier release does not know the column."""
    assert execute_one("SELECT kind FROM data_ingest_runs") == "file"


def test_every_column_must_be_given(run_1):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_nullable = 'YES'", [BARS]
        )
        assert cursor.fetchall() == []  # upsert compares with <>, which NULL would escape
    with pytest.raises(IntegrityError, match="null value"):
        insert(BARS, volume=None)


def test_a_bar_reads_back_as_it_was_written(run_1):
    insert(BARS, open=Decimal("16800.000000001"), volume=2**64 - 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT open, volume, ts, vendor, schema FROM market_bars_ohlcv_1m")
        row = cursor.fetchone()

    moment = datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC)
    assert row == (Decimal("16800.000000001"), Decimal(2**64 - 1), moment, "databento", "ohlcv-1m")
