"""The database functions and triggers as 0008_bars_in_calendars leaves them, for an ordinary owner of the database.

The squashed migration creates them, and reversing 0009_database_functions restores them. When the replaced migrations
go, their text moves here. The name of this module starts with an underscore, so that Django does not load it as a
migration.
"""

from importlib import import_module

_RUNS, _HOURS, _SESSIONS = (
    import_module(f"marketdata.migrations.{name}")
    for name in ("0002_run_integrity", "0006_hourly_ledger", "0007_ledger_in_any_session")
)

INSTALL = "".join(
    (
        _RUNS.FUNCTIONS,
        _RUNS.TRIGGERS,
        _HOURS.FUNCTIONS,
        _HOURS.TRIGGERS,
        _HOURS.GUARDS,
        _SESSIONS.LEDGER,
        _SESSIONS.TRUNCATED,
        # The schema may have a name that needs quotes.
        _SESSIONS.PATHS.replace("current_schema()::regnamespace", "quote_ident(current_schema())::regnamespace"),
    )
)
DROP = _HOURS.DROP_FUNCTIONS + _RUNS.DROP + "DROP FUNCTION market_table_has_rows(regclass);\n"
