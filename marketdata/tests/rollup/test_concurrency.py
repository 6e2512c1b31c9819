"""The hourly rollup with concurrent writers: each waits for the hours of the other, and no bar is lost."""

import threading

import pytest
from django.db import OperationalError, connection, transaction

from config.testing.processes import session, until
from config.testing.rollup import (
    Statement,
    assert_rollup_matches,
    at,
    bar_row,
    insert_bars,
    insert_minutes,
    is_waiting,
    run_statement,
)
from config.testing.rows import RUNS, insert
from marketdata.models import Bar


@pytest.fixture
def committed_runs(market_db):
    for number in (1, 2):
        insert(RUNS, id=number)


def run_concurrently(first: Statement, second: Statement, *, end: str) -> None:
    """Run `second` on another connection before `first` is committed, so that it has to wait; then `end` the first."""
    with session() as one, session() as two:
        one.execute("BEGIN")
        one.execute(*first)
        failures = []
        thread = threading.Thread(target=run_statement, args=(two, second, failures))
        thread.start()
        until(lambda: is_waiting(two) or not thread.is_alive())
        assert thread.is_alive(), "nothing made the second statement wait"
        one.execute(end)
        thread.join(20)
        assert not thread.is_alive()
        assert failures == []


def delete_minutes(*minutes: int) -> Statement:
    return "DELETE FROM market_bars_ohlcv_1m WHERE ts = ANY (%s)", [[at(minute) for minute in minutes]]


def correct_minutes(*minutes: int) -> Statement:
    sql = "UPDATE market_bars_ohlcv_1m SET high = high + 50, volume = volume + 9 WHERE ts = ANY (%s)"
    return sql, [[at(minute) for minute in minutes]]


def move_minute(minute: int, *, by: int) -> Statement:
    sql = "UPDATE market_bars_ohlcv_1m SET ts = %s, ts_ms = ts_ms + %s WHERE ts = %s"
    return sql, [at(minute + by), by * 60_000, at(minute)]


PAIRS = {
    "two inserts into one hour": (insert_minutes(1, 50), insert_minutes(2, 58)),
    "two inserts into a new hour": (insert_minutes(61, 70), insert_minutes(60, 71)),
    "an insert and a delete": (insert_minutes(1), delete_minutes(10)),
    "a delete and an insert": (delete_minutes(10), insert_minutes(1)),
    "a delete of all bars of the hour and an insert": (delete_minutes(10, 20, 30), insert_minutes(1)),
    "an insert and a delete of all other bars": (insert_minutes(1), delete_minutes(10, 20, 30)),
    "two corrections": (correct_minutes(10), correct_minutes(20)),
    "two deletes that empty the hour": (delete_minutes(10, 20), delete_minutes(30)),
    "a correction and a delete": (correct_minutes(10), delete_minutes(20)),
    "a move into a new hour and an insert there": (move_minute(10, by=60), insert_minutes(65)),
    "an insert into a new hour and a move there": (insert_minutes(65), move_minute(10, by=60)),
    "two moves into one new hour": (move_minute(10, by=60), move_minute(20, by=60)),
}


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
@pytest.mark.parametrize(("first", "second"), PAIRS.values(), ids=PAIRS)
def test_two_statements_at_once_end_as_one_after_the_other(committed_runs, first, second, end):
    insert_bars([bar_row("A", at(minute), minute) for minute in (10, 20, 30)])
    run_concurrently(first, second, end=end)
    assert_rollup_matches()


def _run(statement: Statement) -> None:
    with connection.cursor() as cursor:
        cursor.execute(*statement)


def test_many_writers_of_the_same_hours_keep_the_rollup_right(committed_runs):
    """Each writer inserts its own minutes of the same hours, corrects and deletes some, in one transaction per turn."""
    failures = []

    def work(writer: int) -> None:
        try:
            for turn in range(6):
                own_minutes = [minute for minute in range(180) if minute % 24 == writer * 6 + turn]
                with transaction.atomic():
                    insert_bars([bar_row("A", at(minute), minute % 17) for minute in own_minutes])
                    _run(correct_minutes(*own_minutes[::2]))
                    _run(delete_minutes(*own_minutes[1::3]))
        except BaseException as failure:
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert Bar.objects.count() > 60
    assert_rollup_matches()


def test_an_hour_stays_locked_until_the_transaction_ends_even_if_it_is_unchanged(committed_runs):
    """Otherwise another session could write between two statements of the trigger, and its minute would be lost."""
    insert_bars([bar_row("A", at(10), 1)])
    with session() as one, session() as two:
        one.execute("BEGIN")
        one.execute("UPDATE market_bars_ohlcv_1m SET ingestion_run_id = 2")
        with pytest.raises(OperationalError, match="could not obtain lock"):
            two.execute("SELECT FROM market_bars_ohlcv_1h FOR UPDATE NOWAIT")
        one.execute("COMMIT")
        two.execute("SELECT FROM market_bars_ohlcv_1h FOR UPDATE NOWAIT")
