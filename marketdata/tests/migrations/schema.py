"""All that migrations leave in a schema, as PostgreSQL's catalog describes it. Partitions of the bars are left out."""

from __future__ import annotations

from django.db import connection

_QUERIES = {
    # attnum: the physical order of the columns
    "columns": """
        SELECT relname, attnum, attname, format_type(atttypid, atttypmod), attnotnull, attgenerated::text,
            attidentity::text, pg_get_expr(adbin, adrelid), collname
        FROM pg_attribute
        JOIN pg_class ON pg_class.oid = attrelid
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        LEFT JOIN pg_collation ON pg_collation.oid = attcollation
        WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
            AND attnum > 0 AND NOT attisdropped
    """,
    "constraints": """
        SELECT relname, conname, pg_get_constraintdef(pg_constraint.oid), condeferrable, condeferred, convalidated
        FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
        WHERE relnamespace = current_schema()::regnamespace AND NOT relispartition
    """,
    "indexes": """
        SELECT relname, indexrelid::regclass, pg_get_indexdef(indexrelid)
        FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
        WHERE relnamespace = current_schema()::regnamespace AND NOT relispartition
    """,
    "functions": """
        SELECT proname, pg_get_functiondef(oid), pg_get_userbyid(proowner) = current_user
        FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
    """,
    "triggers": """
        SELECT relname, tgname, pg_get_triggerdef(pg_trigger.oid), tgenabled::text
        FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
        WHERE relnamespace = current_schema()::regnamespace AND NOT tgisinternal AND NOT relispartition
    """,
    "storage parameters": """
        SELECT relname, relkind::text, reloptions, relpersistence::text
        FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND NOT relispartition
    """,
}


def read_schema() -> dict[str, set[tuple]]:
    found = {}
    with connection.cursor() as cursor:
        for what, sql in _QUERIES.items():
            cursor.execute(sql)
            found[what] = {tuple(map(str, row)) for row in cursor}
    return found


def drop_column_numbers(schema: dict[str, set[tuple]]) -> dict[str, set[tuple]]:
    """Without the physical order of columns: a column that was dropped and added again is the last one."""
    return schema | {"columns": {(table, *rest) for table, _, *rest in schema["columns"]}}
