"""verify_candles finds every difference between the hourly rollup and the bars, and repairs it."""

import io
import json
import threading
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from config.testing.processes import run, session, until
from config.testing.rollup import (
    COLUMNS,
    HOUR,
    assert_rollup_matches,
    at,
    bar_row,
    compute_hours,
    copy_bars,
    insert_bars,
)
from config.testing.rows import RUNS, insert
from marketdata.models import HourlyBar, SeriesCount
from marketdata.rollup.verify import MAX_SHOWN, repair_symbol, verify_symbol

pytestmark = pytest.mark.ordinary_role

MNQ = "CME_MINI:MNQ1!"


@pytest.fixture
def stored_bars(market_db):
    """Three hours of MNQ, and one hour of a symbol without a series."""
    for number in (1, 2):
        insert(RUNS, id=number)
    copy_bars([bar_row(MNQ, at(minute), minute % 17) for minute in (*range(50), *range(65, 130))])
    copy_bars([bar_row("Loose", at(minute), 5) for minute in range(10)])


def verify(**options) -> str:
    out = io.StringIO()
    call_command("verify_candles", stdout=out, **options)
    return out.getvalue()


def damage(sql: str, *parameters: object) -> None:
    """Change the rollup as its triggers may."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL barkeep.writes_rollup = 'on'")
        cursor.execute(sql, parameters)
        assert cursor.rowcount


def test_an_empty_table_is_reported_as_empty(market_db):
    assert verify() == "There are no bars and no hours.\n"
    assert json.loads(verify(json=True)) == {"ok": True, "series": []}


def test_hours_that_agree_are_counted(stored_bars):
    assert verify() == f"{MNQ}: 3 hours agree with 115 bars.\nLoose: 1 hour agrees with 10 bars.\n"
    assert verify(series="mnq") == f"{MNQ}: 3 hours agree with 115 bars.\n"


DAMAGES = {
    "open": ("UPDATE market_bars_ohlcv_1h SET open = low WHERE hour = %s", ": open -1.75 should be 0"),
    "high": ("UPDATE market_bars_ohlcv_1h SET high = high + 1 WHERE hour = %s", ": high 18 should be 17"),
    "low": (
        "UPDATE market_bars_ohlcv_1h SET low = low - 0.000000001 WHERE hour = %s",
        ": low -1.750000001 should be -1.75",
    ),
    "close": ("UPDATE market_bars_ohlcv_1h SET close = high WHERE hour = %s", ": close 17 should be 6.25"),
    "volume": ("UPDATE market_bars_ohlcv_1h SET volume = volume + 1 WHERE hour = %s", ": volume 393 should be 392"),
    "minutes": ("UPDATE market_bars_ohlcv_1h SET minutes = 1 WHERE hour = %s", "bar_count 1 should be 50"),
    "hour lost": ("DELETE FROM market_bars_ohlcv_1h WHERE hour = %s", "has 50 bars, but is not in the hourly rollup"),
    "hour invented": (
        "INSERT INTO market_bars_ohlcv_1h (symbol, hour, open, high, low, close, volume, minutes)"
        " VALUES ('CME_MINI:MNQ1!', %s::timestamptz - interval '1 day', 1, 1, 1, 1, 1, 1)",
        "has no bars, but is in the hourly rollup",
    ),
}


@pytest.mark.parametrize(("sql", "text"), DAMAGES.values(), ids=DAMAGES)
def test_each_difference_is_found_reported_and_repaired(stored_bars, sql, text):
    damage(sql, HOUR)
    with pytest.raises(CommandError, match="1 of 1 series differ from their bars") as refusal:
        verify(series="mnq")
    assert refusal.value.returncode == 1
    result = verify_symbol(MNQ)
    assert result.difference_count == 1
    assert text in str(result.first_differences[0])
    assert f"1 hour differs from the 115 bars\n  {result.first_differences[0]}\nrepaired\n" in verify(repair=True)
    assert_rollup_matches()
    assert "agree" in verify()


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        (
            "UPDATE market_series_counts SET bar_count = bar_count + 1 WHERE symbol LIKE 'CME%%'",
            "116 bars are on record",
        ),
        ("DELETE FROM market_series_counts WHERE symbol LIKE 'CME%%'", "0 bars are on record, and there are 115"),
    ],
)
def test_a_wrong_count_is_found_and_repaired(stored_bars, sql, text):
    damage(sql)
    assert text in verify(repair=True)
    assert_rollup_matches()


def test_a_count_of_a_series_without_bars_is_found(stored_bars):
    damage("INSERT INTO market_series_counts VALUES ('Gone', 7)")
    assert "Gone: 7 bars are on record, and there are 0\nrepaired" in verify(repair=True)
    assert SeriesCount.objects.get(symbol="Gone").bar_count == 0
    assert "Gone" not in verify()


def test_many_differences_are_counted_and_the_first_shown(stored_bars):
    copy_bars([bar_row("Many", at(60 * hour), 3) for hour in range(20)])
    damage("DELETE FROM market_bars_ohlcv_1h WHERE symbol = 'Many'")
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("verify_candles", json=True, stdout=out)
    results = {one["symbol"]: one for one in json.loads(out.getvalue())["series"]}
    assert {symbol: one["differences"] for symbol, one in results.items()} == {MNQ: 0, "Loose": 0, "Many": 20}
    assert len(results["Many"]["first_differences"]) == MAX_SHOWN
    assert results["Many"]["first_differences"][0]["bars"]["close"] == "10.250000000"
    assert f"and {20 - MAX_SHOWN} more" in verify(repair=True)
    assert_rollup_matches()


def test_bars_written_while_the_triggers_were_disabled_are_added(stored_bars):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE market_bars_ohlcv_1m DISABLE TRIGGER USER")
        try:
            insert_bars([bar_row(MNQ, at(minute), 6) for minute in (55, 400)])
            cursor.execute("DELETE FROM market_bars_ohlcv_1m WHERE ts = %s", [at(70)])
        finally:
            cursor.execute("ALTER TABLE market_bars_ohlcv_1m ENABLE TRIGGER USER")
    assert verify_symbol(MNQ).difference_count == 4  # three hours, and the count
    verify(repair=True)
    assert_rollup_matches()


def test_an_unknown_series_is_refused_with_the_known_ones(market_db):
    with pytest.raises(CommandError, match=r"There is no series 'nope'\. Known: mnq\."):
        verify(series="nope")


def test_the_exit_code_is_1_if_anything_differs(stored_bars):
    assert run(command="verify_candles").code == 0
    damage("DELETE FROM market_bars_ohlcv_1h WHERE hour = %s", HOUR)
    ended = run("--series", "mnq", command="verify_candles")
    assert (ended.code, ended.sentence) == (1, "1 of 1 series differ from their bars: run it again with --repair.")
    assert run("--repair", command="verify_candles").code == 0
    assert run("--json", command="verify_candles").code == 0


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_a_repair_waits_for_a_writer_of_the_hour(stored_bars, end):
    """The writer's minutes are not visible yet. The repair reads the bars after the writer has ended."""
    damage("UPDATE market_bars_ohlcv_1h SET volume = 0 WHERE symbol = %s AND hour = %s", MNQ, HOUR)
    damage("UPDATE market_series_counts SET bar_count = 1 WHERE symbol = %s", MNQ)
    with session() as writer:
        writer.execute("BEGIN")
        writer.execute(
            f"INSERT INTO market_bars_ohlcv_1m ({COLUMNS}) VALUES %s, %s",  # noqa: S608
            [bar_row(MNQ, at(55), 30), bar_row(MNQ, at(58), 40)],
        )
        pid = writer.connection.info.backend_pid
        thread = threading.Thread(target=_repair)
        thread.start()
        until(lambda: _has_waiter(pid) or not thread.is_alive())
        assert thread.is_alive(), "nothing made the repair wait"
        writer.execute(end)
        thread.join(20)
    assert not thread.is_alive()
    assert_rollup_matches()
    assert HourlyBar.objects.get(symbol=MNQ, hour=HOUR).volume == Decimal(compute_hours()[MNQ, HOUR][4])


def _repair() -> None:
    try:
        repair_symbol(MNQ)
    finally:
        connection.close()


def _has_waiter(pid: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) > 0 FROM pg_stat_activity"
            " WHERE datname = current_database() AND %s = ANY (pg_blocking_pids(pid))",
            [pid],
        )
        return cursor.fetchone()[0]
