"""The hourly ledger when several write bars at once: each waits for the other's hours, and nothing is lost."""

import threading

import pytest
from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper

from config.testing.hours import COLUMNS, assert_in_step, at, bar_row, insert_bars
from config.testing.processes import session, until
from config.testing.rows import RUNS, execute_one, insert
from marketdata.models import Bar

Statement = tuple[str, list]


@pytest.fixture
def committed_runs(market_db):
    for number in (1, 2):
        insert(RUNS, id=number)


def meanwhile(first: Statement, second: Statement, *, then: str) -> None:
    """Run `second` on another connection while `first` is done but not committed, so that it has to wait."""
    with session() as one, session() as two:
        one.execute("BEGIN")
        one.execute(*first)
        failures = []
        thread = threading.Thread(target=execute_in, args=(two, second, failures))
        thread.start()
        until(lambda: waits(two) or not thread.is_alive())
        assert thread.is_alive(), "nothing made it wait: the test tests nothing"
        one.execute(then)
        thread.join(20)
        assert not thread.is_alive()
        assert failures == []


def execute_in(cursor: CursorWrapper, statement: Statement, failures: list) -> None:
    try:
        cursor.execute(*statement)
    except Exception as failure:
        failures.append(failure)


def waits(cursor: CursorWrapper) -> bool:
    pid = cursor.connection.info.backend_pid
    return bool(execute_one("SELECT cardinality(pg_blocking_pids(%s)) > 0", pid))


def inserted(*minutes: int) -> Statement:
    rows = [bar_row("A", at(minute), minute % 13) for minute in minutes]
    return f"INSERT INTO market_bars_ohlcv_1m ({COLUMNS}) VALUES " + ", ".join(["%s"] * len(rows)), rows  # noqa: S608


def deleted(*minutes: int) -> Statement:
    return "DELETE FROM market_bars_ohlcv_1m WHERE ts = ANY (%s)", [[at(minute) for minute in minutes]]


def corrected(*minutes: int) -> Statement:
    sql = "UPDATE market_bars_ohlcv_1m SET high = high + 50, volume = volume + 9 WHERE ts = ANY (%s)"
    return sql, [[at(minute) for minute in minutes]]


def moved(minute: int, *, by: int) -> Statement:
    sql = "UPDATE market_bars_ohlcv_1m SET ts = %s, ts_ms = ts_ms + %s WHERE ts = %s"
    return sql, [at(minute + by), by * 60_000, at(minute)]


PAIRS = {
    "two inserts into one hour": (inserted(1, 50), inserted(2, 58)),
    "two inserts into a new hour": (inserted(61, 70), inserted(60, 71)),
    "an insert and a delete": (inserted(1), deleted(10)),
    "a delete and an insert": (deleted(10), inserted(1)),
    "a delete of the whole hour and an insert": (deleted(10, 20, 30), inserted(1)),
    "an insert and a delete of all the rest": (inserted(1), deleted(10, 20, 30)),
    "two corrections": (corrected(10), corrected(20)),
    "two deletes that empty the hour": (deleted(10, 20), deleted(30)),
    "a correction and a delete": (corrected(10), deleted(20)),
    "a move into a new hour and an insert there": (moved(10, by=60), inserted(65)),
    "an insert into a new hour and a move there": (inserted(65), moved(10, by=60)),
    "two moves into one new hour": (moved(10, by=60), moved(20, by=60)),
}


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
@pytest.mark.parametrize(("first", "second"), PAIRS.values(), ids=PAIRS)
def test_two_at_once_end_as_one_after_the_other(committed_runs, first, second, end):
    insert_bars([bar_row("A", at(minute), minute) for minute in (10, 20, 30)])
    meanwhile(first, second, then=end)
    assert_in_step()


def _run(statement: Statement) -> None:
    with connection.cursor() as cursor:
        cursor.execute(*statement)


def test_many_writers_of_the_same_hours(committed_runs):
    """Each adds its own minutes of the same hours, corrects and deletes some, in transactions of several statements."""
    failures = []

    def work(own: int) -> None:
        try:
            for turn in range(6):
                mine = [minute for minute in range(180) if minute % 24 == own * 6 + turn]
                with transaction.atomic():
                    insert_bars([bar_row("A", at(minute), minute % 17) for minute in mine])
                    _run(corrected(*mine[::2]))
                    _run(deleted(*mine[1::3]))
        except BaseException as failure:
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(own,)) for own in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert Bar.objects.count() > 60
    assert_in_step()


def test_an_hour_is_held_until_the_transaction_ends_also_if_it_stays_as_it_was(committed_runs):
    """Else a third could write between two statements of the trigger, and his minute would be lost."""
    insert_bars([bar_row("A", at(10), 1)])
    with session() as one, session() as two:
        one.execute("BEGIN")
        one.execute("UPDATE market_bars_ohlcv_1m SET ingestion_run_id = 2")
        with pytest.raises(OperationalError, match="could not obtain lock"):
            two.execute("SELECT FROM market_bars_ohlcv_1h FOR UPDATE NOWAIT")
        one.execute("COMMIT")
        two.execute("SELECT FROM market_bars_ohlcv_1h FOR UPDATE NOWAIT")
