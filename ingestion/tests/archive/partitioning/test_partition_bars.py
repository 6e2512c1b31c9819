"""`manage.py partition_bars`: a whole table gets partitions, and nothing else changes."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from config.testing.database.scratch import temporary_role
from config.testing.processes import Process, database_url, run, until
from config.testing.rollup import assert_rollup_matches
from config.testing.rows import execute, execute_one
from ingestion.archive.partitioning.pipeline import partition_bars
from ingestion.archive.partitioning.table import refuse_losses
from ingestion.errors import InputError
from marketdata.advisory_locks import PARTITIONS
from marketdata.database import require_database
from marketdata.tests.migrations.schema import read_schema

from .conftest import Acting, assert_partitioned, is_whole, list_left, make_rows, read_all, write_rows

pytestmark = pytest.mark.ordinary_role


def call(capsys, **options) -> str:
    call_command("partition_bars", **options)
    return capsys.readouterr().out


def test_every_row_of_every_table_is_the_same(whole, capsys):
    before = read_all()
    text = call(capsys)
    assert "BARS PARTITIONED" in text
    assert "Bars: 1,800\nPartitions: 18 (2010 to 2027)" in text or "Bars: 1,800\nPartitions: " in text
    assert read_all() == before
    assert len(before["market_bars_ohlcv_1m"]) == 1800
    assert_partitioned()
    require_database()
    assert execute_one("SELECT count(*) FROM market_bars_ohlcv_1m_2018") == 450
    assert execute_one("SELECT reltuples FROM pg_class WHERE relname = 'market_bars_ohlcv_1m'") == 1800
    with pytest.raises(IntegrityError, match="write to that table"):
        execute("DELETE FROM market_bars_ohlcv_1m_2018")


def test_the_schema_is_that_of_a_new_installation(market_db, request):
    fresh = read_schema()
    request.getfixturevalue("whole")
    assert read_schema() != fresh
    partition_bars()
    assert read_schema() == fresh


def test_a_second_time_there_is_nothing_to_do(whole, capsys):
    partition_bars()
    before = read_all(), read_schema()
    for options in ({}, {"dry_run": True}):
        assert call(capsys, **options).startswith("Nothing to do: market_bars_ohlcv_1m is partitioned, from 2010 to ")
    assert json.loads(call(capsys, json=True))["already_partitioned"] is True
    assert call(capsys, abandon=True).startswith("Nothing to abandon")
    assert (read_all(), read_schema()) == before


def test_a_dry_run_changes_nothing(whole, capsys):
    before = read_all(), read_schema(), execute_one("SELECT pg_current_wal_lsn()")
    text = call(capsys, dry_run=True)
    assert "Would partition: 1,800 bars of 4 years" in text
    for year in (2011, 2018, 2019, 2024):
        assert f"\n  {year}:   450" in text
    size = execute_one("SELECT pg_total_relation_size('market_bars_ohlcv_1m')")
    assert f"{size:,} bytes" in text
    assert "Time: about 2 s" in text
    found = json.loads(call(capsys, dry_run=True, json=True))
    assert (found["bars"], found["bytes_needed"], found["dry_run"]) == (
        {"2011": 450, "2018": 450, "2019": 450, "2024": 450},
        size,
        True,
    )
    assert (read_all(), read_schema()) == before[:2]
    assert is_whole()
    assert list_left() == []


def test_an_empty_table(whole):
    execute("TRUNCATE market_bars_ohlcv_1m")
    assert partition_bars().bar_count == 0
    assert_partitioned()


def test_bars_outside_of_the_years_of_a_new_installation(whole, other):
    write_rows(other, make_rows(1969, symbol="old") + make_rows(2196, symbol="late"))
    before = read_all()
    result = partition_bars()
    assert (result.years[0], result.years[-1]) == (1969, 2196)
    assert read_all() == before
    assert_partitioned()


def test_one_at_a_time(whole, other):
    other.execute("SELECT pg_advisory_lock(%s, %s)", PARTITIONS)
    ended = run(command="partition_bars")
    assert ended.code == 1
    assert ended.sentence.startswith("Another command partitions, archives or restores years (a session of another pro")
    assert ended.sentence.endswith("run the command again when that one has ended.")
    assert list_left() == []
    other.execute("SELECT pg_advisory_unlock(%s, %s)", PARTITIONS)
    assert run(command="partition_bars").code == 0


_LOCKS = """
SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database AND datname = current_database()
WHERE classid = %s AND objid = %s
"""


def test_two_instances(whole, other):
    other.execute("BEGIN; DELETE FROM market_bars_ohlcv_1m WHERE false")  # the first one waits for it
    with Process(command="partition_bars") as first:
        until(lambda: execute_one(_LOCKS, *PARTITIONS))
        assert run(command="partition_bars").code == 1
        other.execute("ROLLBACK")
        assert first.end().code == 0
    assert_partitioned()


def test_abandon_leaves_the_table_as_it_was(whole, capsys):
    before = read_all(), read_schema()

    def stop() -> None:
        raise KeyError("stopped")

    with pytest.raises(KeyError):
        partition_bars(progress=Acting(Copying_2019=stop))
    assert "market_bars_ohlcv_1m_2018" in list_left()
    assert "(copied already)" in call(capsys, dry_run=True)
    assert call(capsys, abandon=True).startswith("Abandoned")
    assert list_left() == []
    assert (read_all(), read_schema()) == before
    assert call(capsys, abandon=True).startswith("Nothing to abandon")


LOSSES = {
    "view recent": "CREATE VIEW recent AS SELECT * FROM market_bars_ohlcv_1m",
    "materialized view volumes": "CREATE MATERIALIZED VIEW volumes AS SELECT sum(volume) FROM market_bars_ohlcv_1m",
    "rule r on table market_bars_ohlcv_1m": "CREATE RULE r AS ON DELETE TO market_bars_ohlcv_1m DO ALSO NOTHING",
    "publication of table market_bars_ohlcv_1m in publication bars": (
        "CREATE PUBLICATION bars FOR TABLE market_bars_ohlcv_1m"
    ),
    "policy mine on table market_bars_ohlcv_1m": "CREATE POLICY mine ON market_bars_ohlcv_1m USING (true)",
    "trigger mine on table market_bars_ohlcv_1m": (
        "CREATE TRIGGER mine BEFORE UPDATE ON market_bars_ohlcv_1m"
        " FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    ),
    "table child": "CREATE TABLE child () INHERITS (market_bars_ohlcv_1m)",
    "constraint note_fk on table notes": (
        'CREATE TABLE notes (symbol varchar(128) COLLATE "C", ts timestamptz,'
        " CONSTRAINT note_fk FOREIGN KEY (symbol, ts) REFERENCES market_bars_ohlcv_1m)"
    ),
    "index bars_of_day": "CREATE UNIQUE INDEX bars_of_day ON market_bars_ohlcv_1m (symbol, ts_ms)",
    "function one(market_bars_ohlcv_1m)": (
        "CREATE FUNCTION one(market_bars_ohlcv_1m) RETURNS int LANGUAGE sql AS 'SELECT 1'"
    ),
    "row-level security": "ALTER TABLE market_bars_ohlcv_1m ENABLE ROW LEVEL SECURITY",
}


def test_what_would_be_lost_is_named(whole):
    for lost, statement in LOSSES.items():
        with transaction.atomic(), connection.cursor() as cursor:
            refuse_losses(cursor)
            cursor.execute(statement)
            with pytest.raises(InputError) as refused:
                refuse_losses(cursor)
            assert f": {lost}. Drop it, run the command again" in str(refused.value)
            transaction.set_rollback(True)


def test_nothing_is_begun_where_something_would_be_lost(whole):
    execute("CREATE VIEW recent AS SELECT * FROM market_bars_ohlcv_1m")
    before = read_schema()
    for options in ({"dry_run": True}, {}):
        with pytest.raises(CommandError, match="depends on market_bars_ohlcv_1m: view recent"):
            call_command("partition_bars", **options)
    assert read_schema() == before
    assert list_left() == []


def test_what_is_created_meanwhile_is_not_lost(whole, other):
    view = "CREATE TRIGGER mine BEFORE UPDATE ON market_bars_ohlcv_1m FOR EACH ROW EXECUTE FUNCTION "
    act = Acting(Copying_2024=lambda: other.execute(view + "suppress_redundant_updates_trigger()"))
    with pytest.raises(Exception, match="trigger mine on table market_bars_ohlcv_1m"):
        partition_bars(progress=act)
    assert is_whole()
    execute("DROP TRIGGER mine ON market_bars_ohlcv_1m")
    partition_bars()
    assert_partitioned()


def test_indexes_columns_and_settings_of_ones_own_are_kept(whole):
    execute("CREATE INDEX mine ON market_bars_ohlcv_1m (volume) WHERE volume > 5")
    execute("ALTER TABLE market_bars_ohlcv_1m ADD COLUMN note text DEFAULT 'x'")
    execute("ALTER TABLE market_bars_ohlcv_1m ADD CONSTRAINT short CHECK (note <> 'y')")
    execute("ALTER TABLE market_bars_ohlcv_1m SET (autovacuum_vacuum_scale_factor = 0.05)")
    execute("COMMENT ON TABLE market_bars_ohlcv_1m IS 'ours'; COMMENT ON INDEX mine IS 'the index'")
    before = read_all()
    partition_bars()
    assert read_all() == before
    assert_partitioned()
    schema = read_schema()
    assert any(row[1] == "mine" for row in schema["indexes"])
    assert any(row[1] == "short" for row in schema["constraints"])
    for comment in ("ours", "the index"):
        assert execute_one("SELECT count(*) FROM pg_description WHERE description = %s", comment) == 1
    options = execute_one("SELECT reloptions::text FROM pg_class WHERE relname = 'market_bars_ohlcv_1m_2018'")
    assert options == "{fillfactor=90,autovacuum_vacuum_scale_factor=0.05}"
    indexes = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'mine'::regclass"
    assert execute_one(indexes) == execute_one("SELECT count(*) FROM pg_partition_tree('market_bars_ohlcv_1m')") - 1


def test_a_table_with_the_name_of_a_partition_is_not_touched(whole):
    execute("CREATE TABLE market_bars_ohlcv_1m_2018 AS SELECT 1 AS one")
    with pytest.raises(CommandError, match=r"used by other tables \(market_bars_ohlcv_1m_2018\): rename or drop them"):
        call_command("partition_bars")
    assert execute_one("SELECT one FROM market_bars_ohlcv_1m_2018") == 1


@pytest.mark.superuser
def test_another_role_is_refused(whole):
    with temporary_role("reader") as role:
        execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
        user = connection.settings_dict["USER"]
        url = database_url().replace(f"//{user}@", f"//{role}@")
        for words in ((), ("--dry-run",), ("--abandon",)):
            ended = run(*words, command="partition_bars", url=url)
            assert ended.code == 1
            assert ended.sentence.startswith("The table market_bars_ohlcv_1m belongs to the role ")
            assert ended.sentence.endswith("only its owner can partition it: set DATABASE_URL to that role.")


@pytest.mark.superuser
def test_a_rollup_that_differs_is_refused(whole):
    execute(
        "SET session_replication_role = replica; DELETE FROM market_bars_ohlcv_1m WHERE symbol = 'A' AND ts <"
        " '2018-01-01T00:05Z' AND ts >= '2018-01-01'; RESET session_replication_role"
    )
    with pytest.raises(CommandError, match=r"The table has 4\d\d bars of 2018, and the hourly rollup counts 450: run"):
        call_command("partition_bars")
    assert is_whole()
    call_command("verify_candles", repair=True, verbosity=0)
    partition_bars()
    assert_partitioned()


def test_an_earlier_state_of_another_table_is_not_used(whole):
    def stop() -> None:
        raise KeyError("stopped")

    with pytest.raises(KeyError):
        partition_bars(progress=Acting(Copying_2019=stop))
    # As after pg_dump and pg_restore, the numbers of transactions and tables mean something else.
    execute("COMMENT ON TABLE market_bars_partitioning IS '7 16384 16500'")
    execute("UPDATE market_bars_partitioning SET snapshot = '99999999:99999999:'")
    with connection.cursor() as cursor:
        write_rows(cursor, make_rows(2018, symbol="new"))
    before = read_all()
    act = Acting()
    partition_bars(progress=act)
    assert "Copying 2010" in act.steps
    assert read_all() == before
    assert_partitioned()


def test_migrating_back_makes_the_table_whole(whole):
    partition_bars()
    before = read_all()
    call_command("migrate", "marketdata", "0018_alerts", verbosity=0)
    assert is_whole()
    assert read_all() == before
    call_command("migrate", verbosity=0)
    assert is_whole()
    partition_bars()
    assert read_all() == before
    assert_partitioned()
    assert_rollup_matches()
