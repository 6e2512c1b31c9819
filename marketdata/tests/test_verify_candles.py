"""verify_candles finds every way in which the ledger can differ, and mends it."""

import io
import json
import threading
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from ingestion.tests.processes import run, session, until
from marketdata.ledger import MOST_SHOWN, repair_symbol, verify_symbol
from marketdata.models import HourlyBar, SeriesCount

from .hours import COLUMNS, HOUR, assert_in_step, at, bar_row, copy_bars, hours_of_bars, insert_bars
from .rows import RUNS, insert

pytestmark = pytest.mark.ordinary_role

MNQ = "CME_MINI:MNQ1!"


@pytest.fixture
def held(market_db):
    """Three hours of MNQ, and one of a symbol that no series has."""
    for number in (1, 2):
        insert(RUNS, id=number)
    copy_bars([bar_row(MNQ, at(minute), minute % 17) for minute in (*range(50), *range(65, 130))])
    copy_bars([bar_row("Loose", at(minute), 5) for minute in range(10)])


def verify(**options) -> str:
    out = io.StringIO()
    call_command("verify_candles", stdout=out, **options)
    return out.getvalue()


def damage(sql: str, *parameters: object) -> None:
    """Write the ledger past its guards."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL barkeep.writes_rollup = 'on'")
        cursor.execute(sql, parameters)
        assert cursor.rowcount


def test_an_empty_table_is_said_to_be_empty(market_db):
    assert verify() == "There are no bars and no hours.\n"
    assert json.loads(verify(json=True)) == {"ok": True, "series": []}


def test_what_agrees_is_said_to_agree(held):
    assert verify() == f"{MNQ}: 3 hours agree with 115 bars.\nLoose: 1 hours agree with 10 bars.\n"
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
    "hour lost": ("DELETE FROM market_bars_ohlcv_1h WHERE hour = %s", "has 50 bars, and is not in the ledger"),
    "hour invented": (
        "INSERT INTO market_bars_ohlcv_1h (symbol, hour, open, high, low, close, volume, minutes)"
        " VALUES ('CME_MINI:MNQ1!', %s::timestamptz - interval '1 day', 1, 1, 1, 1, 1, 1)",
        "has no bars, and is in the ledger",
    ),
}


@pytest.mark.parametrize(("sql", "words"), DAMAGES.values(), ids=DAMAGES)
def test_each_difference_is_found_named_and_mended(held, sql, words):
    damage(sql, HOUR)
    with pytest.raises(CommandError, match="1 of 1 series differ from their bars") as refusal:
        verify(series="mnq")
    assert refusal.value.returncode == 1
    verdict = verify_symbol(MNQ)
    assert verdict.difference_count == 1
    assert words in str(verdict.first[0])
    assert f"1 hours differ from the 115 bars\n  {verdict.first[0]}\nrepaired\n" in verify(repair=True)
    assert_in_step()
    assert "agree" in verify()


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        (
            "UPDATE market_series_counts SET bar_count = bar_count + 1 WHERE symbol LIKE 'CME%%'",
            "116 bars are on record",
        ),
        ("DELETE FROM market_series_counts WHERE symbol LIKE 'CME%%'", "0 bars are on record, and there are 115"),
    ],
)
def test_a_wrong_count_is_found_and_mended(held, sql, words):
    damage(sql)
    assert words in verify(repair=True)
    assert_in_step()


def test_what_is_left_of_a_series_without_bars_is_found(held):
    damage("INSERT INTO market_series_counts VALUES ('Gone', 7)")
    assert "Gone: 7 bars are on record, and there are 0\nrepaired" in verify(repair=True)
    assert SeriesCount.objects.get(symbol="Gone").bar_count == 0
    assert "Gone" not in verify()


def test_many_differences_are_counted_and_the_first_named(held):
    copy_bars([bar_row("Many", at(60 * hour), 3) for hour in range(20)])
    damage("DELETE FROM market_bars_ohlcv_1h WHERE symbol = 'Many'")
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("verify_candles", json=True, stdout=out)
    told = {one["symbol"]: one for one in json.loads(out.getvalue())["series"]}
    assert {symbol: one["differences"] for symbol, one in told.items()} == {MNQ: 0, "Loose": 0, "Many": 20}
    assert len(told["Many"]["first_differences"]) == MOST_SHOWN
    assert told["Many"]["first_differences"][0]["bars"]["close"] == "10.250000000"
    assert f"and {20 - MOST_SHOWN} more" in verify(repair=True)
    assert_in_step()


def test_bars_that_came_while_the_triggers_were_off_are_taken_in(held):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE market_bars_ohlcv_1m DISABLE TRIGGER USER")
        try:
            insert_bars([bar_row(MNQ, at(minute), 6) for minute in (55, 400)])
            cursor.execute("DELETE FROM market_bars_ohlcv_1m WHERE ts = %s", [at(70)])
        finally:
            cursor.execute("ALTER TABLE market_bars_ohlcv_1m ENABLE TRIGGER USER")
    assert verify_symbol(MNQ).difference_count == 4  # three hours, and the count
    verify(repair=True)
    assert_in_step()


def test_an_unknown_series_is_told_the_known_ones(market_db):
    with pytest.raises(CommandError, match=r"There is no series 'nope'\. Known: mnq\."):
        verify(series="nope")


def test_the_exit_code_tells(held):
    assert run(command="verify_candles").code == 0
    damage("DELETE FROM market_bars_ohlcv_1h WHERE hour = %s", HOUR)
    ended = run("--series", "mnq", command="verify_candles")
    assert (ended.code, ended.sentence) == (1, "1 of 1 series differ from their bars: run it again with --repair.")
    assert run("--repair", command="verify_candles").code == 0
    assert run("--json", command="verify_candles").code == 0


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_a_repair_waits_for_who_is_writing_the_hour(held, end):
    """He has written minutes that nobody else can see; once he has ended, the repair sees them, or not."""
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
        until(lambda: _somebody_waits_for(pid) or not thread.is_alive())
        assert thread.is_alive(), "nothing made it wait: the test tests nothing"
        writer.execute(end)
        thread.join(20)
    assert not thread.is_alive()
    assert_in_step()
    assert HourlyBar.objects.get(symbol=MNQ, hour=HOUR).volume == Decimal(hours_of_bars()[MNQ, HOUR][4])


def _repair() -> None:
    try:
        repair_symbol(MNQ)
    finally:
        connection.close()


def _somebody_waits_for(pid: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) > 0 FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))", [pid])
        return cursor.fetchone()[0]
