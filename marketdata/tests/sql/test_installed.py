"""What a database lacks of this version's functions and triggers is found, named, and installed again."""

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction

from config.testing.database.scratch import forget_checks, migrated_database, scratch_database, temporary_role
from config.testing.rows import execute, execute_one
from marketdata.database import UnusableDatabase, require_database
from marketdata.sql.install import install_functions
from marketdata.sql.installed import find_differences

pytestmark = pytest.mark.ordinary_role

FAULTS = {
    "DROP TRIGGER bars_rollup_on_insert ON market_bars_ohlcv_1m": [
        "trigger bars_rollup_on_insert on market_bars_ohlcv_1m is missing"
    ],
    "ALTER TABLE market_bars_ohlcv_1m DISABLE TRIGGER bars_rollup_on_delete": [
        "trigger bars_rollup_on_delete on market_bars_ohlcv_1m is disabled"
    ],
    "ALTER TABLE data_ingest_runs ENABLE REPLICA TRIGGER run_unused_on_delete": [
        "trigger run_unused_on_delete on data_ingest_runs is disabled"
    ],
    "CREATE OR REPLACE TRIGGER run_unused_on_renumber BEFORE UPDATE OF status ON data_ingest_runs"
    " FOR EACH ROW EXECUTE FUNCTION data_ingest_run_is_unused()": [
        "trigger run_unused_on_renumber on data_ingest_runs differs"
    ],
    "CREATE OR REPLACE TRIGGER run_unused_on_delete BEFORE DELETE ON data_ingest_runs"
    " FOR EACH ROW WHEN (OLD.id > 5) EXECUTE FUNCTION data_ingest_run_is_unused()": [
        "trigger run_unused_on_delete on data_ingest_runs differs"
    ],
    "CREATE OR REPLACE TRIGGER hours_guard_writes BEFORE INSERT ON market_bars_ohlcv_1h"
    " FOR EACH STATEMENT EXECUTE FUNCTION market_rollup_guard_writes()": [
        "trigger hours_guard_writes on market_bars_ohlcv_1h differs"
    ],
    "DROP FUNCTION market_counts_rebuild(varchar[])": ["function market_counts_rebuild is missing"],
    "CREATE OR REPLACE FUNCTION market_rollup_guard_writes() RETURNS trigger LANGUAGE plpgsql AS"
    " 'BEGIN RETURN NULL; END'": ["function market_rollup_guard_writes differs"],
    "ALTER FUNCTION market_counts_add(varchar[], bigint[]) STRICT": ["function market_counts_add differs"],
    "ALTER FUNCTION market_rollup_add_bars() SECURITY INVOKER": ["function market_rollup_add_bars differs"],
    "ALTER FUNCTION market_rollup_add_bars() SET work_mem = '4MB'": ["function market_rollup_add_bars differs"],
    "ALTER FUNCTION market_rollup_add_bars() RESET search_path": ["function market_rollup_add_bars differs"],
    "ALTER FUNCTION market_rollup_add_bars() SET search_path = public": ["function market_rollup_add_bars differs"],
    "DROP FUNCTION market_rollup_guard_truncate() CASCADE": [
        "function market_rollup_guard_truncate is missing",
        "trigger hours_guard_truncate on market_bars_ohlcv_1h is missing",
        "trigger counts_guard_truncate on market_series_counts is missing",
    ],
    # CREATE OR REPLACE cannot replace these.
    "DROP FUNCTION market_table_has_rows(regclass);"
    " CREATE FUNCTION market_table_has_rows(checked regclass) RETURNS int LANGUAGE sql RETURN 1": [
        "function market_table_has_rows differs"
    ],
    "DROP FUNCTION market_counts_rebuild(varchar[]);"
    " CREATE FUNCTION market_counts_rebuild(renamed varchar[]) RETURNS void LANGUAGE sql RETURN 1": [
        "function market_counts_rebuild differs"
    ],
    "DROP FUNCTION market_rollup_truncate() CASCADE;"
    " CREATE PROCEDURE market_rollup_truncate() LANGUAGE sql AS 'SELECT 1'": [
        "function market_rollup_truncate differs",
        "trigger bars_rollup_on_truncate on market_bars_ohlcv_1m is missing",
    ],
    "DROP FUNCTION market_rollup_change_bars() CASCADE;"
    " CREATE FUNCTION market_rollup_change_bars() RETURNS int LANGUAGE sql RETURN 1": [
        "function market_rollup_change_bars differs",
        "trigger bars_rollup_on_delete on market_bars_ohlcv_1m is missing",
        "trigger bars_rollup_on_update on market_bars_ohlcv_1m is missing",
    ],
    "DROP TRIGGER bars_rollup_on_delete ON market_bars_ohlcv_1m;"
    " CREATE CONSTRAINT TRIGGER bars_rollup_on_delete AFTER DELETE ON market_bars_ohlcv_1m"
    " FOR EACH ROW EXECUTE FUNCTION market_rollup_guard_writes()": [
        "trigger bars_rollup_on_delete on market_bars_ohlcv_1m differs"
    ],
    # A call could find these instead.
    "CREATE FUNCTION market_table_has_rows(text) RETURNS boolean LANGUAGE sql RETURN false": [
        "function market_table_has_rows(text) is one too many"
    ],
    "CREATE PROCEDURE market_counts_rebuild(int, VARIADIC text[]) LANGUAGE sql AS 'SELECT 1'": [
        "function market_counts_rebuild(integer, text[]) is one too many"
    ],
}


def differences() -> list[str]:
    with connection.cursor() as cursor:
        return find_differences(cursor)


@pytest.fixture
def damaged(market_db):
    """The functions and triggers are installed again after the test."""
    forget_checks()
    yield
    install_functions()
    assert differences() == []
    forget_checks()


@pytest.mark.parametrize(("sql", "found"), FAULTS.items(), ids=[", ".join(found) for found in FAULTS.values()])
def test_what_is_missing_disabled_or_differs_is_named_and_installed_again(damaged, sql, found):
    assert differences() == []
    execute(sql)
    assert differences() == found
    with pytest.raises(UnusableDatabase) as refusal:
        require_database()
    database, schema = execute_one("SELECT current_database()"), execute_one("SELECT current_schema()")
    assert str(refusal.value).startswith(
        f"The database {database} (schema {schema}) does not have the functions and triggers of this version "
        f"({', '.join(found)}): run `"
    )
    assert str(refusal.value).endswith(" install_functions` first.")
    call_command("install_functions", verbosity=0)
    assert differences() == []
    require_database()


def test_a_trigger_that_always_fires_is_enabled(damaged):
    execute("ALTER TABLE market_bars_ohlcv_1m ENABLE ALWAYS TRIGGER bars_rollup_on_delete")
    assert differences() == []


def test_functions_and_triggers_of_the_operator_do_not_matter(damaged):
    with transaction.atomic():
        execute("CREATE FUNCTION market_own() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
        execute(
            "CREATE TRIGGER own AFTER INSERT ON market_bars_ohlcv_1m FOR EACH STATEMENT EXECUTE FUNCTION market_own()"
        )
        assert differences() == []
        transaction.set_rollback(True)


def test_many_differences_are_counted(damaged):
    execute("DROP FUNCTION market_runs_must_exist() CASCADE; DROP FUNCTION market_rollup_change_bars() CASCADE")
    with pytest.raises(UnusableDatabase, match=r"is missing, and 3 more\): run"):
        require_database()


def test_a_function_in_another_schema_does_not_count(damaged):
    with transaction.atomic():
        execute("CREATE SCHEMA elsewhere; ALTER FUNCTION market_counts_rebuild(varchar[]) SET SCHEMA elsewhere")
        assert differences() == ["function market_counts_rebuild is missing"]
        transaction.set_rollback(True)


@pytest.mark.parametrize("schema", ["market", "Odd, name"])
def test_the_tables_may_be_in_any_schema(market_db, schema):
    with scratch_database() as name:
        execute(f'CREATE SCHEMA "{schema}"')
        execute(f'ALTER DATABASE {name} SET search_path = "{schema}"')
        connection.close()
        call_command("migrate", verbosity=0)
        assert execute_one("SELECT relnamespace::regnamespace::text FROM pg_class WHERE relname = 'market_series'") in (
            schema,
            f'"{schema}"',
        )
        assert differences() == []
        install_functions()
        assert differences() == []
        execute("ALTER FUNCTION market_rollup_add_bars() SET search_path = public, pg_temp")
        assert differences() == ["function market_rollup_add_bars differs"]


def test_a_failed_installation_changes_nothing(damaged, monkeypatch):
    execute("DROP TRIGGER bars_rollup_on_insert ON market_bars_ohlcv_1m; DROP FUNCTION market_table_has_rows(regclass)")
    execute("CREATE FUNCTION market_table_has_rows(checked regclass) RETURNS int LANGUAGE sql RETURN 1")
    found = differences()
    assert len(found) == 2
    with monkeypatch.context() as patched:
        patched.setattr("marketdata.sql.install.read_sql", lambda: {"broken.sql": "SELECT nothing"})
        with pytest.raises(ProgrammingError):
            install_functions()
    assert differences() == found


@pytest.mark.parametrize(
    ("sql", "lacking"),
    {
        "DROP TABLE market_bars_ohlcv_1h": "the table market_bars_ohlcv_1h",
        "DROP TABLE market_bars_ohlcv_1m": "the table market_bars_ohlcv_1m",
        "DROP TABLE market_series_counts, market_bar_revisions": (
            "the tables market_bar_revisions, market_series_counts"
        ),
    }.items(),
)
def test_a_missing_table_is_named_and_no_command_is_advised_that_cannot_help(market_db, sql, lacking):
    with migrated_database() as name:
        execute(sql)
        sentence = (
            f"The database {name} (schema public) lacks {lacking}: restore the database from a backup, or "
            "migrate a new database and load the files again."
        )
        with pytest.raises(UnusableDatabase) as refusal:
            require_database()
        assert str(refusal.value) == sentence
        with pytest.raises(CommandError) as failure:
            call_command("install_functions")
        assert str(failure.value) == sentence


@pytest.fixture
def other_role(damaged):
    with temporary_role("other", "NOLOGIN") as role:
        execute(f"GRANT CREATE, USAGE ON SCHEMA public TO {role}")
        yield role
        execute(f"REASSIGN OWNED BY {role} TO CURRENT_USER")


@pytest.mark.superuser
def test_a_function_of_another_role_is_a_difference(other_role):
    execute(f"ALTER FUNCTION market_rollup_add_bars() OWNER TO {other_role}")
    assert differences() == ["function market_rollup_add_bars has another owner than the tables"]
    call_command("install_functions")
    assert differences() == []


@pytest.mark.superuser
def test_a_superuser_installs_functions_for_the_owner_of_the_tables(other_role):
    with migrated_database():
        execute(f"GRANT CREATE, USAGE ON SCHEMA public TO {other_role}")
        for table in ("market_bars_ohlcv_1m", "market_bars_ohlcv_1h", "market_series_counts", "data_ingest_runs"):
            execute(f"ALTER TABLE {table} OWNER TO {other_role}")
        assert len(differences()) == 18
        call_command("install_functions")
        assert differences() == []
        execute(f"REASSIGN OWNED BY {other_role} TO CURRENT_USER; DROP OWNED BY {other_role}")


@pytest.mark.superuser
def test_an_ordinary_owner_of_the_database_replaces_functions_of_a_superuser(other_role):
    with scratch_database() as name:
        execute(f"ALTER DATABASE {name} OWNER TO {other_role}; SET ROLE {other_role}")
        call_command("migrate", verbosity=0)
        execute("RESET ROLE; ALTER FUNCTION market_rollup_add_bars() OWNER TO CURRENT_USER")
        execute(f"SET ROLE {other_role}")
        assert differences() == ["function market_rollup_add_bars has another owner than the tables"]
        install_functions()
        assert differences() == []
        execute("RESET ROLE")


def test_one_query_finds_the_differences_without_reading_the_files(market_db, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert differences() == []
