"""A database whose table of bars is whole, as an upgrade leaves it, and what partition_bars must not change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.backends.utils import CursorWrapper

from config.testing.database.scratch import scratch_database
from config.testing.processes import session
from config.testing.rollup import COLUMNS, assert_rollup_matches, bar_row
from config.testing.rows import RUNS, execute, execute_one, insert
from ingestion.progress import Progress
from marketdata.migrations._partitions_0019 import MAKE_WHOLE
from marketdata.sql.install import install_functions

TABLES = (
    "market_bars_ohlcv_1m",
    "market_bars_ohlcv_1h",
    "market_series_counts",
    "market_bar_revisions",
    "data_ingest_runs",
)
YEARS = (2011, 2018, 2019, 2024)
SYMBOLS = ("A", "B b", "Ü")


def make_rows(year: int, *, symbol: str, count: int = 150, first: int = 0) -> list[tuple]:
    """Bars of the first and of the last minutes of a year, UTC."""
    minutes = [timedelta(minutes=first + minute) for minute in range(count // 2)]
    start, stop = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    times = [*(start + delta for delta in minutes), *(stop - timedelta(minutes=1) - delta for delta in minutes)]
    return [bar_row(symbol, ts, number % 29) for number, ts in enumerate(times)]


def write_rows(cursor: CursorWrapper, rows: list[tuple]) -> None:
    marks = ", ".join(["%s"] * len(rows))
    cursor.execute(f"INSERT INTO market_bars_ohlcv_1m ({COLUMNS}) VALUES {marks}", rows)  # noqa: S608


def read_all() -> dict[str, list[str]]:
    """Every column of every row, as text."""
    found = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT rows::text FROM {table} AS rows ORDER BY 1")  # noqa: S608
            found[table] = [text for (text,) in cursor.fetchall()]
    return found


def is_whole() -> bool:
    kind = execute_one("SELECT relkind::text FROM pg_class WHERE oid = 'market_bars_ohlcv_1m'::regclass")
    return kind == "r"


def list_left() -> list[str]:
    """Tables, functions and triggers that only an unfinished partition_bars has; copies of years too."""
    with connection.cursor() as cursor:
        cursor.execute(r"""
            SELECT relname::text FROM pg_class
            WHERE relname ~ '^market_bars_(partitioning|ohlcv_1m_\d{4}$)' AND relkind IN ('r', 'p')
                AND NOT relispartition
            UNION ALL SELECT proname::text FROM pg_proc WHERE proname LIKE 'market\_bars\_partitioning%'
            UNION ALL SELECT tgname::text FROM pg_trigger WHERE tgname LIKE 'partitioning\_%'
            UNION ALL SELECT conname::text FROM pg_constraint WHERE conname LIKE 'partitioning\_%'
            ORDER BY 1
        """)
        return [name for (name,) in cursor.fetchall()]


def assert_partitioned() -> None:
    """Nothing is left of the work, and the rollup is that of the bars."""
    assert not is_whole()
    assert list_left() == []
    assert_rollup_matches()


@pytest.fixture
def whole(market_db) -> Iterator[str]:
    """The name of a database of its own, with bars of four years in one table."""
    name = connection.settings_dict["NAME"]
    connection.close()
    with scratch_database("whole", options=f"TEMPLATE {name}") as scratch:
        with connection.cursor() as cursor:
            cursor.execute(MAKE_WHOLE)
        install_functions()
        assert is_whole()
        for run_id in (1, 2):
            insert(RUNS, id=run_id, symbols=list(SYMBOLS))
        execute("SELECT setval('data_ingest_runs_id_seq', 2)")
        with connection.cursor() as cursor:
            for year in YEARS:
                for symbol in SYMBOLS:
                    write_rows(cursor, make_rows(year, symbol=symbol))
        execute("UPDATE market_bars_ohlcv_1m SET created_at = ts + interval '1 day' WHERE symbol = 'A'")
        yield scratch


class Acting(Progress):
    """Calls functions at steps, the first time that their names begin so, and while the work waits."""

    def __init__(self, *, waiting: Callable[[str], None] | None = None, **at_steps: Callable[[], None]) -> None:
        self._at_steps = {name.replace("_", " "): act for name, act in at_steps.items()}
        self._waiting = waiting
        self.steps: list[str] = []
        self.waits: list[str] = []

    def step(self, name: str) -> None:
        self.steps.append(name)
        for start in [start for start in self._at_steps if name.startswith(start)]:
            self._at_steps.pop(start)()

    def wait_for(self, holder: str) -> None:
        self.waits.append(holder)
        if self._waiting:
            self._waiting(holder)


@pytest.fixture
def other(whole) -> Iterator[CursorWrapper]:
    """Another session on the database, in autocommit mode."""
    with session() as cursor:
        yield cursor
