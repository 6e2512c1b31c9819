"""The hourly rollup is derived from the bars: TRUNCATE empties both, only triggers write it, constraints check it."""

import pytest
from django.db import IntegrityError, connection, transaction

from config.testing.rollup import assert_rollup_matches, at, bar_row, insert_bars
from config.testing.rows import BARS, execute, execute_one
from marketdata.models import HourlyBar, SeriesCount

pytestmark = pytest.mark.ordinary_role

HOURS, COUNTS = "market_bars_ohlcv_1h", "market_series_counts"
RESTRICT_VIOLATION = "23001"


# --- TRUNCATE ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tables",
    [
        BARS,
        f"{BARS}, market_bar_revisions, market_series_instruments, data_ingest_runs",
        f"{BARS}, {HOURS}, {COUNTS}",
        f"{HOURS}, {COUNTS}, {BARS}",
        f"{BARS}, {COUNTS}",
    ],
)
@pytest.mark.parametrize("how", ["", "CASCADE", "RESTART IDENTITY"])
def test_truncating_the_bars_empties_the_rollup(two_runs, tables, how):
    insert_bars([bar_row("A", at(0), 1)])
    execute(f"TRUNCATE {tables} {how}")
    assert (HourlyBar.objects.count(), SeriesCount.objects.count()) == (0, 0)


@pytest.mark.parametrize("table", [HOURS, COUNTS])
def test_the_rollup_is_not_truncated_while_there_are_bars(two_runs, table):
    insert_bars([bar_row("A", at(0), 1)])
    assert "cannot be truncated while there are bars" in refused(f"TRUNCATE {table}")
    execute("DELETE FROM market_bars_ohlcv_1m")
    execute(f"TRUNCATE {table}")


# --- Only triggers write it -------------------------------------------------------------------------------------------


def refused(sql: str) -> str:
    with pytest.raises(IntegrityError) as refusal:
        execute(sql)
    assert refusal.value.__cause__.pgcode == RESTRICT_VIOLATION
    return str(refusal.value)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE market_bars_ohlcv_1h SET volume = 0",
        "DELETE FROM market_bars_ohlcv_1h",
        "DELETE FROM market_bars_ohlcv_1h WHERE false",
        "INSERT INTO market_bars_ohlcv_1h (symbol, hour, open, high, low, close, volume, minutes)"
        " VALUES ('B', '2024-01-02 14:00+00', 1, 1, 1, 1, 1, 1)",
        "UPDATE market_series_counts SET bar_count = 0",
        "DELETE FROM market_series_counts",
        "INSERT INTO market_series_counts VALUES ('B', 1)",
    ],
)
def test_the_rollup_cannot_be_written_by_hand(two_runs, sql):
    insert_bars([bar_row("A", at(0), 1)])
    assert "follows from market_bars_ohlcv_1m: change the bars" in refused(sql)
    assert_rollup_matches()


def test_the_permission_ends_with_the_statement_that_writes_bars(two_runs):
    insert_bars([bar_row("A", at(0), 1)])
    assert execute_one("SELECT current_setting('barkeep.writes_rollup', true)") in (None, "")
    with pytest.raises(IntegrityError, match="does not exist"), transaction.atomic():
        insert_bars([bar_row("B", at(0), 1, run_id=99)])
    refused("DELETE FROM market_bars_ohlcv_1h")


# constraint -> changes of a valid row that break it and no other
GOOD_HOUR = {
    "symbol": "A", "hour": "2024-01-02 14:00+00", "open": 2, "high": 4, "low": 1, "close": 3, "volume": 5, "minutes": 6,
}  # fmt: skip
VIOLATIONS = {
    "hour_whole_hour": [{"hour": "2024-01-02 14:00:01+00"}, {"hour": "2024-01-02 14:30+00"}],
    "hour_minutes_in_hour": [{"minutes": 0}, {"minutes": 2**60}, {"minutes": -1}],
    "hour_high_low_enclose": [{"open": 5}, {"open": 0}, {"close": 5}, {"close": 0}],
    "hour_prices_finite": [{"high": "NaN"}, dict.fromkeys(("open", "high", "low", "close"), "NaN")],
    "hour_volume_not_negative": [{"volume": -1}, {"volume": "NaN"}],
}


def insert_as_trigger(table: str, row: dict) -> None:
    columns, marks = ", ".join(row), ", ".join(["%s"] * len(row))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL barkeep.writes_rollup = 'on'")
        cursor.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(row.values()))  # noqa: S608


@pytest.mark.parametrize(("name", "changes"), [(name, one) for name, rows in VIOLATIONS.items() for one in rows])
def test_a_row_that_breaks_a_constraint_is_refused_even_from_triggers(db, name, changes):
    with pytest.raises(IntegrityError) as refusal:
        insert_as_trigger(HOURS, GOOD_HOUR | changes)
    assert refusal.value.__cause__.diag.constraint_name == name


def test_a_count_is_not_negative(db):
    with pytest.raises(IntegrityError) as refusal:
        insert_as_trigger(COUNTS, {"symbol": "A", "bar_count": -1})
    assert refusal.value.__cause__.diag.constraint_name == "series_count_not_negative"


def test_every_check_constraint_is_tested(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = ANY (%s::regclass[])",
            [[HOURS, COUNTS]],
        )
        assert {row[0] for row in cursor.fetchall()} == {*VIOLATIONS, "series_count_not_negative"}


@pytest.mark.parametrize("first", range(60))
def test_the_database_computes_times_and_count_from_the_minutes(db, first):
    for last in range(first, 60):
        minutes = 1 << first | 1 << last
        insert_as_trigger(HOURS, GOOD_HOUR | {"symbol": str(last), "minutes": minutes})
    computed = HourlyBar.objects.values_list("symbol", "first_ts", "last_ts", "bar_count")
    assert {(int(symbol), *rest) for symbol, *rest in computed} == {
        (last, at(first), at(last), 1 + (last > first)) for last in range(first, 60)
    }
