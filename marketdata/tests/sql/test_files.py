"""marketdata/sql/ is what the migrations leave in the database, and checksums.json is the hash of it."""

import json
import os
import re

import pytest
from django.db import connection, transaction

from marketdata.sql.install import install_functions, read_sql
from marketdata.sql.installed import CHECKSUMS, find_differences, read_installed

REGENERATE = "WRITE_CHECKSUMS=1 .venv/bin/python -m pytest marketdata/tests/sql/test_files.py"

_FUNCTIONS = """
SELECT proname || '(' || oidvectortypes(proargtypes) || ')', pg_get_functiondef(pg_proc.oid)
FROM pg_proc
WHERE pronamespace = current_schema()::regnamespace
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
"""
_TRIGGERS = """
SELECT relname || '.' || tgname, pg_get_triggerdef(pg_trigger.oid) || ' ' || tgenabled::text
FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE relnamespace = current_schema()::regnamespace AND NOT tgisinternal AND NOT relispartition
"""


def functions_and_triggers() -> dict[str, str]:
    """The definition of each, by its name."""
    with connection.cursor() as cursor:
        found = {}
        for query in (_FUNCTIONS, _TRIGGERS):
            cursor.execute(query)
            found |= dict(cursor.fetchall())
    return found


@pytest.fixture
def of_the_migrations(market_db) -> dict[str, str]:
    return functions_and_triggers()


@pytest.fixture
def of_the_files(of_the_migrations) -> dict[str, str]:
    """What the files create in a database without functions. The transaction is rolled back."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            for name in of_the_migrations:
                if "(" in name:
                    cursor.execute(f"DROP FUNCTION {name} CASCADE")
            assert functions_and_triggers() == {}
            cursor.execute("SET LOCAL search_path = public, pg_temp")
            for sql in read_sql().values():
                cursor.execute(sql)
            cursor.execute("SET LOCAL search_path = public")
        found = functions_and_triggers()
        transaction.set_rollback(True)
    return found


def test_the_files_are_what_the_migrations_leave(of_the_migrations, of_the_files):
    assert of_the_files == of_the_migrations


def test_installing_over_what_is_there_changes_nothing(of_the_migrations):
    install_functions()
    assert functions_and_triggers() == of_the_migrations
    with connection.cursor() as cursor:
        assert find_differences(cursor) == []
        cursor.execute("SHOW search_path")
        assert "pg_temp" not in cursor.fetchone()[0]


def test_the_checksums_are_those_of_the_database(of_the_migrations):
    names = [name.partition("(")[0] for name in of_the_migrations if "(" in name]
    tables = [name.partition(".")[0] for name in of_the_migrations if "(" not in name]
    with connection.cursor() as cursor:
        installed = read_installed(cursor, functions=names, tables=tables)
    current = {"functions": {}, "triggers": {}}
    for (kind, name), digest in sorted(installed.items()):
        current[kind][name] = digest
    if os.environ.get("WRITE_CHECKSUMS"):
        CHECKSUMS.write_text(json.dumps(current, indent=2) + "\n")
    assert json.loads(CHECKSUMS.read_bytes()) == current, f"checksums.json is stale: run {REGENERATE}"
    assert len(installed) == len(of_the_migrations)


def test_a_function_names_no_role_and_no_parameter_that_needs_a_superuser(of_the_migrations):
    for name, definition in of_the_migrations.items():
        for parameter in re.findall(r"^ SET (\S+) TO", definition, re.MULTILINE):
            assert "." not in parameter, f"{name} sets {parameter}, which only a superuser may do"


def test_the_files_suit_any_encoding_of_the_database():
    for name, sql in read_sql().items():
        assert sql.isascii(), f"{name} has characters that a LATIN1 database may not have"


def test_each_file_begins_with_its_subject():
    assert all(sql.startswith("-- ") for sql in read_sql().values())
