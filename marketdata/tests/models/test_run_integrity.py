"""Bars and revisions name runs that exist. market_runs_must_exist checks it once per statement, without a foreign
key."""

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import ProtectedError

from config.testing.rows import BARS, INSTRUMENTS, REVISIONS, RUNS, execute, execute_one, insert
from marketdata.models import IngestRun

pytestmark = pytest.mark.ordinary_role

FOREIGN_KEY_VIOLATION = "23503"


@pytest.fixture
def runs(db):
    """Run 1 brought a bar that run 2 replaced; run 3 failed, so to speak, and is named by nothing."""
    for number in (1, 2, 3):
        insert(RUNS, id=number)
    insert(BARS, ingestion_run_id=2)
    insert(REVISIONS, ingestion_run_id=1, revised_by_id=2)


def refused(sql: str, *parameters: object) -> str:
    with pytest.raises(IntegrityError) as refusal:
        execute(sql, *parameters)
    assert refusal.value.__cause__.pgcode == FOREIGN_KEY_VIOLATION
    return str(refusal.value)


def test_a_bar_cannot_name_a_run_that_does_not_exist(runs):
    with pytest.raises(IntegrityError, match=f"{BARS} names an ingest run that does not exist"):
        insert(BARS, symbol="ES", ingestion_run_id=4)
    assert BARS in refused("UPDATE market_bars_ohlcv_1m SET ingestion_run_id = 4")


def test_one_bar_of_a_missing_run_among_many_is_refused(runs):
    copies = (
        "INSERT INTO market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)"
        " SELECT 'ES ' || n, ts, ts_ms, open, high, low, close, volume, CASE n WHEN 700 THEN %s ELSE n %% 3 + 1 END"
        " FROM market_bars_ohlcv_1m, generate_series(1, 1000) AS n"
    )
    assert "does not exist" in refused(copies, 4)
    assert execute(copies, 3) == 1000


@pytest.mark.parametrize("column", ["ingestion_run_id", "revised_by_id"])
def test_a_revision_cannot_name_a_run_that_does_not_exist(runs, column):
    with pytest.raises(IntegrityError, match=f"{REVISIONS} names an ingest run that does not exist"):
        insert(REVISIONS, symbol="ES", **{column: 4})
    assert REVISIONS in refused(f"UPDATE market_bar_revisions SET {column} = 4")  # noqa: S608


@pytest.mark.parametrize("number", [1, 2], ids=["named by a revision", "named by a bar and a revision"])
def test_a_run_that_is_named_cannot_be_deleted_or_renumbered(runs, number):
    assert f"ingest run {number} has bars" in refused("DELETE FROM data_ingest_runs WHERE id = %s", number)
    assert f"ingest run {number} has bars" in refused("UPDATE data_ingest_runs SET id = 9 WHERE id = %s", number)
    with pytest.raises(IntegrityError, match=f"ingest run {number} has bars"), transaction.atomic():
        IngestRun.objects.get(pk=number).delete()


def test_a_run_that_only_a_bar_names_cannot_be_deleted(runs):
    execute("DELETE FROM market_bar_revisions")
    assert "ingest run 2 has bars" in refused("DELETE FROM data_ingest_runs WHERE id = 2")


def test_runs_cannot_be_truncated_under_their_bars(runs):
    refused("TRUNCATE data_ingest_runs CASCADE")
    execute("DELETE FROM market_bars_ohlcv_1m")
    refused("TRUNCATE data_ingest_runs CASCADE")


def test_a_run_that_no_bar_names_may_be_changed_and_deleted(runs):
    assert execute("UPDATE data_ingest_runs SET id = 9 WHERE id = 3") == 1
    assert execute("DELETE FROM data_ingest_runs WHERE id = 9") == 1
    assert execute("UPDATE data_ingest_runs SET id = id, gap_count = 1") == 2
    assert execute("UPDATE market_bars_ohlcv_1m SET ingestion_run_id = 1") == 1
    assert execute("DELETE FROM market_bars_ohlcv_1m WHERE symbol = 'nothing'") == 0
    assert execute("UPDATE market_bars_ohlcv_1m SET ingestion_run_id = 99 WHERE symbol = 'nothing'") == 0


def test_runs_and_bars_may_be_emptied_together(runs):
    execute("TRUNCATE data_ingest_runs, market_bars_ohlcv_1m, market_bar_revisions, market_series_instruments")
    assert execute_one("SELECT count(*) FROM data_ingest_runs") == 0


def test_a_run_that_an_interval_names_cannot_be_deleted(runs):
    insert(INSTRUMENTS, series_id=execute_one("SELECT id FROM market_series"), run_id=3)
    with pytest.raises(ProtectedError):
        IngestRun.objects.get(pk=3).delete()
    with pytest.raises(IntegrityError, match="violates foreign key"):
        execute("DELETE FROM data_ingest_runs WHERE id = 3; SET CONSTRAINTS ALL IMMEDIATE")


def test_a_run_cannot_go_while_a_bar_that_names_it_is_being_written(market_db):
    """The bar is not committed, so the session that deletes the run cannot see it, and must wait."""
    insert(RUNS)
    other = connection.copy()
    with transaction.atomic(), other.cursor() as cursor:
        insert(BARS)
        cursor.execute("SET lock_timeout = '50ms'")
        with pytest.raises(OperationalError, match="canceling statement due to lock timeout"):
            cursor.execute("DELETE FROM data_ingest_runs WHERE id = 1")
    other.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM data_ingest_runs JOIN market_bars_ohlcv_1m ON ingestion_run_id = id")
        assert cursor.fetchone() == (1,)
