"""A load makes the partitions that it needs, fills them directly, and refuses archived years."""

import threading
from datetime import date

import numpy as np
import pytest
from django.core.management import CommandError
from django.db import connection, transaction

from config.testing.builders import FRONT, at, bars, ingest, refuse, together, write_filled
from config.testing.database.scratch import temporary_role
from config.testing.processes import session, until
from config.testing.rollup import assert_rollup_matches
from config.testing.rows import execute, execute_one, insert
from ingestion.loading import partitions as loading
from ingestion.pipeline import ingest_file
from marketdata.models import ArchivedYear, Bar
from marketdata.partitions.years import add_partitions, list_partitions, partition_name

MAPPING = {"mappings": {"MNQ.c.0": [(date(1990, 1, 1), date(2040, 1, 1), FRONT)]}}
NEW_YEAR = at(0, day=date(1992, 1, 1))


def shift(records: np.ndarray, first: int) -> np.ndarray:
    """The records from `first` on, nanoseconds since 1970."""
    records["ts_event"] = records["ts_event"] - records["ts_event"][0] + np.uint64(first)
    return records


@pytest.fixture
def without_1991(market_db):
    for year in (1991, 1992):
        execute(f"DROP TABLE IF EXISTS {partition_name(year)}")
    yield
    for year in (1991, 1992):
        execute(f"DROP TABLE IF EXISTS {partition_name(year)}")


def count(year: int) -> object:
    return execute_one("SELECT reltuples FROM pg_class WHERE relname = %s", partition_name(year))


def test_bars_around_new_year_go_into_two_new_partitions(without_1991, tmp_path):
    ingest(write_filled(tmp_path / "a.dbn", shift(bars(10), NEW_YEAR - 5 * 60 * 10**9), **MAPPING))
    with connection.cursor() as cursor:
        assert {1991, 1992} <= {*list_partitions(cursor)}
    execute("ANALYZE market_bars_ohlcv_1m")
    assert (count(1991), count(1992)) == (5, 5)
    assert_rollup_matches()


def test_years_without_bars_between_get_no_partition(without_1991, tmp_path):
    far = shift(bars(2, first=5), at(0, day=date(2031, 6, 2)))
    ingest(write_filled(tmp_path / "a.dbn", together(shift(bars(2), NEW_YEAR), far), **MAPPING))
    with connection.cursor() as cursor:
        years = list_partitions(cursor)
    assert {1992, 2031} <= {*years}
    assert 1993 not in years
    assert Bar.objects.count() == 4
    assert_rollup_matches()
    execute(f"DROP TABLE {partition_name(2031)}")


def test_the_partition_is_there_for_others_while_the_load_runs(without_1991, tmp_path, monkeypatch):
    made = threading.Event()
    go_on = threading.Event()
    make = loading._make_partitions

    def make_and_wait(years: list[int]) -> None:
        make(years)
        made.set()
        go_on.wait(20)

    monkeypatch.setattr(loading, "_make_partitions", make_and_wait)
    path = write_filled(tmp_path / "a.dbn", shift(bars(10), NEW_YEAR), **MAPPING)
    thread = threading.Thread(target=lambda: (ingest_file(path=path), connection.close()))
    thread.start()
    assert made.wait(20)
    with session() as other:
        other.execute("SET lock_timeout = '2s'")
        add_partitions(other, [1991])
        assert {1991, 1992} <= {*list_partitions(other)}
    go_on.set()
    thread.join()
    assert Bar.objects.count() == 10
    assert_rollup_matches()


def test_a_lock_that_is_not_free_in_time_is_one_sentence(without_1991, tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "_LOCK_TIMEOUT", "SET lock_timeout = '100ms'")
    path = write_filled(tmp_path / "a.dbn", shift(bars(10), NEW_YEAR), **MAPPING)
    with session() as other:
        other.execute("BEGIN")
        other.execute("LOCK TABLE market_bars_ohlcv_1m IN SHARE UPDATE EXCLUSIVE MODE")
        with pytest.raises(CommandError, match="for the bars of 1992 cannot be made while another program changes"):
            ingest(path)
        other.execute("COMMIT")
    ingest(path)
    assert Bar.objects.count() == 10


def test_a_file_with_bars_of_an_archived_year_is_refused(market_db, tmp_path):
    insert("market_archived_years", year=2024, bar_count=0)
    path = write_filled(tmp_path / "a.dbn", bars(10))
    message = refuse(path)
    assert "a.dbn has bars of 2024, which is archived in the lake: run restore_year 2024 first" in message
    ArchivedYear.objects.all().delete()
    ingest(path)


def test_a_load_keeps_its_partitions_until_it_has_ended(market_db, tmp_path):
    """DETACH waits for the load, which has looked up the archived years."""
    path = write_filled(tmp_path / "a.dbn", bars(10))
    with session() as hours, session() as detaching:
        hours.execute("BEGIN")
        hours.execute("LOCK TABLE market_bars_ohlcv_1h IN SHARE MODE")
        thread = threading.Thread(target=lambda: (ingest_file(path=path), connection.close()))
        thread.start()
        until(lambda: execute_one(_WAITING))
        detaching.execute("SET lock_timeout = '100ms'")
        with pytest.raises(Exception, match="lock timeout"):
            detaching.execute(f"ALTER TABLE market_bars_ohlcv_1m DETACH PARTITION {partition_name(2024)}")
        hours.execute("COMMIT")
        thread.join()
    assert Bar.objects.count() == 10


_WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND query LIKE 'COPY market_bars%%' AND wait_event_type = 'Lock'
"""


def test_a_role_without_rights_on_the_partition_goes_through_the_table(market_db, tmp_path):
    keeper = loading.PartitionKeeper(tmp_path)
    with connection.cursor() as cursor:
        assert keeper.prepare(cursor, frozenset([2024])) == partition_name(2024)
        assert keeper.prepare(cursor, frozenset([2023, 2024])) == "market_bars_ohlcv_1m"
    with temporary_role("late") as role, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {role}")
        assert loading.PartitionKeeper(tmp_path).prepare(cursor, frozenset([2024])) == "market_bars_ohlcv_1m"
        transaction.set_rollback(True)
