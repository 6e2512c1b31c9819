"""Whether a database has the functions and triggers of this version: compared by name and hash with checksums.json."""

from __future__ import annotations

import json
from pathlib import Path

from django.db.backends.utils import CursorWrapper

CHECKSUMS = Path(__file__).with_name("checksums.json")

# Hashes of the catalog's columns, which have the same values in every version of PostgreSQL from 15 on, also after
# pg_dump and pg_restore. The name of the schema is replaced, since an installation may choose it.
_INSTALLED = """
WITH home AS (
    SELECT relnamespace AS schema_id, relnamespace::regnamespace::text AS name
    FROM pg_class WHERE oid = to_regclass('market_bars_ohlcv_1m')
)
SELECT 'functions' AS kind, format('%%s(%%s)', proname, oidvectortypes(proargtypes)) AS object, true AS enabled,
    encode(sha256(convert_to(concat_ws(E'\\n',
        lanname, format_type(prorettype, NULL), proargnames::text, prosecdef, proisstrict, provolatile::text, prosrc,
        (
            SELECT string_agg(setting, E'\\n' ORDER BY setting COLLATE "C")
            FROM unnest(proconfig) AS raw (value)
            CROSS JOIN LATERAL (
                SELECT replace(value, format('search_path=%%s, ', home.name), 'search_path=SCHEMA, ') AS setting
            ) AS replaced
        )
    ), 'UTF8')), 'hex') AS hash
FROM home
JOIN pg_proc ON pronamespace = home.schema_id
JOIN pg_language ON pg_language.oid = prolang
WHERE proname = ANY (%(functions)s)
UNION ALL
SELECT 'triggers', format('%%s.%%s', relname, tgname), tgenabled IN ('O', 'A'),
    encode(sha256(convert_to(concat_ws(E'\\n',
        proname, pronamespace = home.schema_id, tgtype, tgoldtable, tgnewtable, tgqual IS NULL,
        (
            SELECT string_agg(attname, ',' ORDER BY attname COLLATE "C")
            FROM pg_attribute WHERE attrelid = tgrelid AND attnum = ANY (tgattr::int2[])
        )
    ), 'UTF8')), 'hex')
FROM home
JOIN pg_class ON relnamespace = home.schema_id
JOIN pg_trigger ON tgrelid = pg_class.oid AND NOT tgisinternal
JOIN pg_proc ON pg_proc.oid = tgfoid
WHERE relname = ANY (%(tables)s)
"""


def read_installed(cursor: CursorWrapper, *, functions: list[str], tables: list[str]) -> dict[tuple[str, str], str]:
    """The hash of each function of these names and of each trigger on these tables; "" if a trigger is disabled."""
    cursor.execute(_INSTALLED, {"functions": functions, "tables": tables})
    return {(kind, name): digest if enabled else "" for kind, name, enabled, digest in cursor}


def find_differences(cursor: CursorWrapper) -> list[str]:
    """What this version needs and the database lacks, one short phrase each."""
    expected = json.loads(CHECKSUMS.read_bytes())
    installed = read_installed(
        cursor,
        functions=[name.partition("(")[0] for name in expected["functions"]],
        tables=list({name.partition(".")[0] for name in expected["triggers"]}),
    )
    return [
        f"{_describe(kind, name)} {_fault(installed.get((kind, name)))}"
        for kind, checksums in expected.items()
        for name, checksum in checksums.items()
        if installed.get((kind, name)) != checksum
    ]


def _describe(kind: str, name: str) -> str:
    if kind == "functions":
        return f"function {name.partition('(')[0]}"
    table, _, trigger = name.partition(".")
    return f"trigger {trigger} on {table}"


def _fault(digest: str | None) -> str:
    if digest is None:
        return "is missing"
    return "differs" if digest else "is disabled"
