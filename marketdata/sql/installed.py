"""Whether a database has the functions and triggers of this version: compared by name and hash with checksums.json."""

from __future__ import annotations

import json
from pathlib import Path

from django.db.backends.utils import CursorWrapper

CHECKSUMS = Path(__file__).with_name("checksums.json")
DISABLED, FOREIGN = "is disabled", "has another owner than the tables"

# Hashes of the catalog's columns, which have the same values in every version of PostgreSQL from 15 on, also after
# pg_dump and pg_restore. The name of the schema is replaced, since an installation may choose it.
_INSTALLED = """
WITH home AS (
    SELECT relnamespace AS schema_id, relnamespace::regnamespace::text AS name
    FROM unnest(%(tables)s) WITH ORDINALITY AS expected (relation, position)
    JOIN pg_class ON oid = to_regclass(relation)
    ORDER BY position LIMIT 1
), stored AS (
    SELECT oid, relname, relowner FROM home JOIN pg_class ON relnamespace = schema_id
    WHERE relname = ANY (%(tables)s) AND relkind IN ('r', 'p')
)
SELECT 'tables' AS kind, relname::text AS object, '' AS fault, '' AS hash FROM stored
UNION ALL
SELECT 'functions', format('%%s(%%s)', proname, oidvectortypes(proargtypes)),
    CASE WHEN EXISTS (SELECT 1 FROM stored WHERE relname = 'market_bars_ohlcv_1m' AND relowner <> proowner)
        THEN %(foreign)s ELSE '' END,
    encode(sha256(convert_to(concat_ws(E'\\n',
        prokind::text, lanname, format_type(prorettype, NULL), proretset, proargnames::text, prosecdef, proisstrict,
        provolatile::text, prosrc,
        (
            SELECT string_agg(setting, E'\\n' ORDER BY setting COLLATE "C")
            FROM unnest(proconfig) AS raw (value)
            CROSS JOIN LATERAL (
                SELECT replace(value, format('search_path=%%s, ', home.name), 'search_path=SCHEMA, ') AS setting
            ) AS replaced
        )
    ), 'UTF8')), 'hex')
FROM home
JOIN pg_proc ON pronamespace = home.schema_id
JOIN pg_language ON pg_language.oid = prolang
WHERE proname = ANY (%(functions)s)
UNION ALL
SELECT 'triggers', format('%%s.%%s', relname, tgname),
    CASE WHEN tgenabled IN ('O', 'A') THEN '' ELSE %(disabled)s END,
    encode(sha256(convert_to(concat_ws(E'\\n',
        proname, pronamespace = home.schema_id, tgtype, tgoldtable, tgnewtable, tgqual IS NULL,
        (
            SELECT string_agg(attname, ',' ORDER BY attname COLLATE "C")
            FROM pg_attribute WHERE attrelid = tgrelid AND attnum = ANY (tgattr::int2[])
        )
    ), 'UTF8')), 'hex')
FROM home
CROSS JOIN stored
JOIN pg_trigger ON tgrelid = stored.oid AND NOT tgisinternal
JOIN pg_proc ON pg_proc.oid = tgfoid
UNION ALL
SELECT 'partitions', format('%%s.%%s', relid::regclass, needed.name), '', ''  -- triggers that partitions lack
FROM pg_partition_tree(to_regclass('market_bars_ohlcv_1m'))
CROSS JOIN (
    VALUES ('partition_guard', 'market_bars_guard_partition'), ('partition_rollup', 'market_rollup_add_bars')
) AS needed (name, function)
WHERE level = 1 AND NOT EXISTS (
    SELECT 1 FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
    WHERE tgrelid = relid AND tgname = needed.name AND tgenabled IN ('O', 'A') AND proname = needed.function
)
"""

Installed = dict[tuple[str, str], str]


class MissingTables(Exception):
    """Tables of `names` are missing. Functions cannot be compared or installed without them."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names


def read_installed(cursor: CursorWrapper, *, functions: list[str], tables: list[str]) -> Installed:
    """The hash of each function of these names and of each trigger on these tables, or its fault instead.

    Raises `MissingTables` unless all these tables are in the schema of the first one that the search_path finds.
    """
    cursor.execute(_INSTALLED, {"functions": functions, "tables": tables, "disabled": DISABLED, "foreign": FOREIGN})
    installed = {(kind, name): fault or digest for kind, name, fault, digest in cursor}
    if missing := [table for table in tables if ("tables", table) not in installed]:
        raise MissingTables(missing)
    return {key: found for key, found in installed.items() if key[0] != "tables"}


def find_differences(cursor: CursorWrapper) -> list[str]:
    """What this version needs and the database lacks, or has too much, one short phrase each."""
    expected, installed = _compare(cursor)
    lacking = [
        f"{_describe(*key)} {_fault(installed.get(key))}"
        for key, checksum in expected.items()
        if installed.get(key) != checksum
    ]
    unguarded = [f"{_describe(kind, name)} is missing or disabled" for kind, name in installed if kind == "partitions"]
    too_many = [f"function {name} is one too many" for name in _find_overloads(expected, installed)]
    return [*lacking, *unguarded, *too_many]


def find_faulty(cursor: CursorWrapper) -> Installed:
    """The functions and triggers to drop before all are created: those that differ, and overloads of the functions.

    CREATE OR REPLACE cannot change, for example, the type of a result or the owner.
    """
    expected, installed = _compare(cursor)
    overloads = [("functions", name) for name in _find_overloads(expected, installed)]
    differing = [key for key, checksum in expected.items() if installed.get(key, checksum) != checksum]
    return {key: installed[key] for key in (*differing, *overloads)}


def _compare(cursor: CursorWrapper) -> tuple[Installed, Installed]:
    """What checksums.json expects, and what is installed."""
    checksums = json.loads(CHECKSUMS.read_bytes())
    tables = dict.fromkeys(name.partition(".")[0] for name in checksums["triggers"])
    installed = read_installed(
        cursor,
        functions=[name.partition("(")[0] for name in checksums["functions"]],
        tables=sorted(tables, key=lambda table: table != "market_bars_ohlcv_1m"),
    )
    return {(kind, name): digest for kind, digests in checksums.items() for name, digest in digests.items()}, installed


def _find_overloads(expected: Installed, installed: Installed) -> list[str]:
    """Functions of the same names with other parameters: a call could find them instead."""
    return sorted(name for kind, name in installed if kind == "functions" and (kind, name) not in expected)


def _describe(kind: str, name: str) -> str:
    if kind == "functions":
        return f"function {name.partition('(')[0]}"
    table, _, trigger = name.partition(".")
    return f"trigger {trigger} on {table}"


def _fault(found: str | None) -> str:
    if found is None:
        return "is missing"
    return found if found in (DISABLED, FOREIGN) else "differs"
