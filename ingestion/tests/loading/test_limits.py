"""Time limits of the role do not end a load or an undo."""

import threading
import time

import pytest
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from config.testing.builders import bars, write
from config.testing.processes import LOCK_EVERY_SERIES, session
from ingestion.database import lift_time_limits
from ingestion.pipeline import ingest_file, preview_file
from ingestion.progress import Progress
from ingestion.undo.pipeline import preview_undo, undo_run

LIMITS = ("idle_in_transaction_session_timeout", "lock_timeout", "statement_timeout", "transaction_timeout")
LIMIT, LONGER = "400ms", 0.9  # a statement that shares a busy machine must not reach the limit


class SlowProgress(Progress):
    """The transaction is idle for longer than the limit, once in each command."""

    def __init__(self) -> None:
        self._waited = False

    def step(self, name: str) -> None:
        if not (self._waited or name.startswith("Waiting")):
            self._waited = True
            time.sleep(LONGER)


@pytest.fixture
def limited(market_db):
    """The limits in every new session on the test database."""
    name = connection.settings_dict["NAME"]
    with connection.cursor() as cursor:
        limits = list(read_limits(cursor))
        for limit in limits:
            cursor.execute(f"ALTER DATABASE {name} SET {limit} = '{LIMIT}'")
    connection.close()
    yield dict.fromkeys(limits, LIMIT)
    with connection.cursor() as cursor:
        for limit in limits:
            cursor.execute(f"ALTER DATABASE {name} RESET {limit}")
    connection.close()


def read_limits(cursor: CursorWrapper) -> dict[str, str]:
    cursor.execute("SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY (%s)", [list(LIMITS)])
    return dict(cursor.fetchall())


@pytest.mark.slow
def test_a_slow_load_and_its_undo_succeed(limited, tmp_path):
    path = write(tmp_path / "mnq.dbn", bars(10))
    assert preview_file(path=path, progress=SlowProgress()).inserted_count == 10
    run = ingest_file(path=path, progress=SlowProgress()).run
    assert preview_undo(run_id=run.pk, progress=SlowProgress()).counts.removed == 10
    assert undo_run(run_id=run.pk, progress=SlowProgress()).counts.removed == 10
    with connection.cursor() as cursor:
        assert read_limits(cursor) == limited


def test_a_load_waits_for_another_one_of_its_series(limited, tmp_path):
    with session() as other:
        other.execute(*LOCK_EVERY_SERIES)
        release = threading.Timer(LONGER, other.execute, ["SELECT pg_advisory_unlock_all()"])
        release.start()
        run = ingest_file(path=write(tmp_path / "mnq.dbn", bars(10))).run
        release.join()
    assert (run.status, run.inserted_count) == ("success", 10)


def test_the_limits_are_lifted_for_one_transaction(limited):
    with connection.cursor() as cursor:
        with transaction.atomic():
            lift_time_limits(cursor)
            assert set(read_limits(cursor).values()) == {"0"}
        assert read_limits(cursor) == limited
