"""One clock for all machines: a read as of a time gives the same answer again, whatever is committed meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection

from config.testing.builders import FRONT, bars, write
from config.testing.history import change_volumes, ingest_records, read_stored
from config.testing.processes import Process, backend_in, session, until
from config.testing.rows import execute_one
from ingestion.pipeline import ingest_file
from ingestion.undo.pipeline import undo_run
from marketdata.bars.as_of import export_blocks_as_of, read_bar_page_as_of
from marketdata.models import IngestRun, Series
from marketdata.runs.commits import CommitInProgress, read_database_time, wait_for_commits

ALL = {"start": None, "end": None, "after": None, "descending": False, "limit": 1000}
HOUR = timedelta(hours=1)


def read_as_of(moment: datetime) -> list[tuple]:
    page, _ = read_bar_page_as_of(Series.objects.get(slug="mnq"), as_of=moment, **ALL)
    return [(row.ts, row.volume, row.run_id) for row in page]


def read_now() -> list[tuple]:
    return [(row[0], row[5], row[6]) for row in read_stored()]


@pytest.fixture
def slow_commit(market_db) -> Iterator[None]:
    """The commit of each successful run takes 1.5 s: after its row was written, before it is visible."""
    _execute("""
        CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_sleep(1.5); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER dawdle AFTER UPDATE ON data_ingest_runs DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW WHEN (NEW.status = 'success') EXECUTE FUNCTION dawdle();
    """)
    yield
    _execute("DROP FUNCTION dawdle() CASCADE")


def _execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.fixture
def in_thread(market_db) -> Iterator[Callable[[Callable[[], object]], threading.Thread]]:
    """Runs an action in a thread, which ends before the test does: its run would appear in the next test."""
    threads: list[threading.Thread] = []

    def start(action: Callable[[], object]) -> threading.Thread:
        def act() -> None:
            action()
            connection.close()

        threads.append(threading.Thread(target=act))
        threads[-1].start()
        return threads[-1]

    yield start
    for thread in threads:
        thread.join()


COMMITTING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND query = 'COMMIT' AND wait_event = 'PgSleep'
"""


@pytest.mark.slow
@pytest.mark.parametrize("what", ["load", "undo", "restoring undo"])
def test_a_read_as_of_now_is_the_same_again_during_a_commit(slow_commit, in_thread, tmp_path, what):
    ingest_records(tmp_path / "1.dbn", bars(10))
    replaced = {"replace_instrument": True} if what == "restoring undo" else {}
    records = bars(4, first=2, instrument_id=FRONT + 1) if replaced else change_volumes(bars(12), 2, 3)
    if what == "load":
        path = write(tmp_path / "2.dbn", records)
        thread = in_thread(lambda: ingest_file(path=path))
    else:
        ingest_records(tmp_path / "2.dbn", records, **replaced)
        thread = in_thread(lambda: undo_run(run_id=2))
    until(lambda: execute_one(COMMITTING))
    moment = read_database_time()
    with pytest.raises(CommitInProgress, match=r"Run \d is being committed"):
        wait_for_commits(moment, seconds=0.1)
    first = read_as_of(moment)
    assert IngestRun.objects.latest("pk").status == "success", "the read did not wait for the commit"
    thread.join()
    assert first == read_as_of(moment) == read_now()
    blocks = export_blocks_as_of(Series.objects.get(slug="mnq"), as_of=moment, start=None, end=None)
    assert sum(map(len, blocks)) == len(first)


def test_a_read_as_of_a_time_before_the_run_does_not_wait(slow_commit, in_thread, tmp_path):
    ingest_records(tmp_path / "1.dbn", bars(3))
    moment, before = read_database_time(), read_now()
    path = write(tmp_path / "2.dbn", change_volumes(bars(3), 1))
    thread = in_thread(lambda: ingest_file(path=path))
    until(lambda: execute_one(COMMITTING))
    wait_for_commits(moment, seconds=0)
    assert read_as_of(moment) == before
    thread.join()
    assert read_as_of(moment) == before


def test_bars_that_an_undo_restores_count_from_its_end(in_thread, tmp_path):
    """The undo waits after its bars are written: a moment between belongs to the time before the undo."""
    ingest_records(tmp_path / "1.dbn", bars(10))
    ingest_records(tmp_path / "2.dbn", bars(4, first=2, instrument_id=FRONT + 1), replace_instrument=True)
    before = read_now()
    with session() as other:
        other.execute("BEGIN")
        other.execute("SELECT FROM market_series_instruments FOR UPDATE")
        thread = in_thread(lambda: undo_run(run_id=2))
        until(
            lambda: backend_in("UPDATE%market_series_instruments%") or backend_in("DELETE%market_series_instruments%")
        )
        meanwhile = read_database_time()
        assert IngestRun.objects.latest("pk").status == "running"
        assert read_as_of(meanwhile) == before
        other.execute("COMMIT")
    thread.join()
    assert IngestRun.objects.latest("pk").finished_at > meanwhile
    assert read_as_of(meanwhile) == before != read_now()
    assert read_as_of(read_database_time()) == read_now()


def test_the_duration_of_an_undo_includes_all_that_it_writes(market_db, tmp_path):
    ingest_records(tmp_path / "1.dbn", bars(3))
    _execute("""
        CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$;
        CREATE TRIGGER dawdle AFTER DELETE ON market_bars_ohlcv_1m EXECUTE FUNCTION dawdle();
    """)
    try:
        assert undo_run(run_id=1).run.seconds > 1
    finally:
        _execute("DROP FUNCTION dawdle() CASCADE")


SHIFTED_CLOCK = """
import datetime, os, time
shift = float(os.environ["SHIFT"])
real = datetime.datetime
class Meta(type):
    def __instancecheck__(cls, value):
        return isinstance(value, real)
class Shifted(real, metaclass=Meta):
    @classmethod
    def now(cls, tz=None):
        return real.fromtimestamp(real.now().timestamp() + shift, tz)
    @classmethod
    def utcnow(cls):
        return cls.now(datetime.timezone.utc).replace(tzinfo=None)
datetime.datetime = Shifted
real_time = time.time
time.time = lambda: real_time() + shift
"""


@pytest.mark.parametrize("hours", [1, -1])
def test_the_clock_of_the_loader_does_not_matter(market_db, tmp_path, hours):
    (tmp_path / "sitecustomize.py").write_text(SHIFTED_CLOCK)
    own = {"PYTHONPATH": str(tmp_path), "SHIFT": str(hours * 3600)}
    seen = []
    for number in (1, 2):
        path = write(tmp_path / f"{number}.dbn", change_volumes(bars(5), number))
        assert_in_time(lambda path=path: Process("--input", path, **own))
        seen.append((read_database_time(), read_now()))
    assert_in_time(lambda: Process("2", command="undo_run", **own))
    seen.append((read_database_time(), read_now()))
    assert [read_as_of(moment) for moment, _ in seen] == [bars for _, bars in seen]


def assert_in_time(start: Callable[[], Process]) -> None:
    before = read_database_time()
    with start() as process:
        ended = process.end()
    assert ended.code == 0, ended.err
    run = IngestRun.objects.latest("pk")
    assert before < run.started_at < run.finished_at < read_database_time()


def test_an_orphaned_run_ends_by_the_clock_of_the_database(market_db, tmp_path: Path, monkeypatch):
    started_at = read_database_time()
    run = IngestRun.objects.create(file_name="a.dbn", file_path="/a.dbn", started_at=started_at)
    monkeypatch.setattr("django.utils.timezone.now", lambda: started_at + HOUR)
    ingest_records(tmp_path / "1.dbn", bars(3))
    run.refresh_from_db()
    assert run.status == "failed"
    assert started_at <= run.finished_at < started_at + HOUR
