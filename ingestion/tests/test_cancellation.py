"""Commands that are killed, interrupted or disconnected: real processes and signals, at chosen moments."""

import contextlib
import shutil
import signal
import tempfile
import time
from pathlib import Path

import numpy as np
import psycopg2
import pytest
from django.db import connection

from config.embedded import server
from config.testing.builders import FRONT, at, bars, exact, ingest, stored, write
from config.testing.processes import (
    LOCK_EVERY_SERIES,
    Process,
    backend_in,
    backends_in,
    running,
    scale_limit,
    series_locked,
    session,
    until,
)
from ingestion.cancellation import cancel_on_signals
from ingestion.dbn.samples import random_walk
from marketdata.models import Bar, IngestRun, Series, SeriesInstrument
from marketdata.runs.locks import close_orphaned_runs

COPYING = "COPY %"
WAITING = "SELECT pg_advisory_xact_lock%"
COUNT_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE %s"
STORING = "%INSERT INTO market_bars%"


STAGED = "--replace-instrument"  # with it all rows are staged


@pytest.fixture(scope="module", params=["new", "possibly stored"])
def big(request, tmp_path_factory) -> list[str | Path]:
    """An input that is read for some seconds, long enough to send a signal meanwhile."""
    times = np.uint64(at(0)) + np.arange(1_500_000, dtype=np.uint64) * np.uint64(60 * 10**9)
    records = random_walk(times, instrument_id=FRONT)
    path = tmp_path_factory.mktemp("big") / "big.dbn"
    write(path, records, mappings={}, end=int(times[-1]))
    return [path, STAGED] if request.param == "possibly stored" else [path]


@pytest.fixture
def small(tmp_path) -> Path:
    return write(tmp_path / "small.dbn", bars(50))


def nothing_is_stored() -> bool:
    return not (
        Bar.objects.exists() or SeriesInstrument.objects.exists() or Series.objects.exclude(slug="mnq").exists()
    )


# --- SIGKILL ---------------------------------------------------------------------------------------------------------


def test_a_run_killed_while_it_reads_is_closed_by_the_next(market_db, big, small):
    with Process("--input", *big) as process:
        until(lambda: running() and backend_in(COPYING))
        assert close_orphaned_runs() == []  # its process is running
        process.signal(signal.SIGKILL)
        assert process.end().code == -signal.SIGKILL
    assert_next_run_closes_the_orphaned_one(small)


def test_a_run_killed_while_it_waits_is_closed_by_the_next(market_db, small):
    with series_locked(), Process("--input", small, "--symbol", "NEW") as process:
        until(lambda: backend_in(WAITING))
        assert close_orphaned_runs() == []
        process.signal(signal.SIGKILL)
        assert process.end().code == -signal.SIGKILL
    assert_next_run_closes_the_orphaned_one(small)


@pytest.fixture
def slow_upsert(market_db):
    """Storing takes long after all bars are written, so that a test can send a signal meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("""
            CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM pg_sleep(15); RETURN NULL; END $$;
            CREATE TRIGGER dawdle AFTER INSERT ON market_bars_ohlcv_1m EXECUTE FUNCTION dawdle();
        """)
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION dawdle() CASCADE")


def test_a_run_killed_while_it_stores_leaves_no_bar(slow_upsert, small):
    with Process("--input", small, "--symbol", "NEW", STAGED) as process:
        backend = until(lambda: backend_in(STORING))
        process.signal(signal.SIGKILL)
        process.end()
    with session() as other:  # the server notices that its client is gone only when it next writes to it
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
    assert nothing_is_stored()
    assert len(close_orphaned_runs()) == 1


def assert_next_run_closes_the_orphaned_one(small: Path) -> None:
    assert nothing_is_stored()
    orphaned = IngestRun.objects.get()
    assert orphaned.status == "running"
    until(lambda: not backend_in("%"))  # the server has noticed as well

    ingest(small)

    orphaned.refresh_from_db()
    assert (orphaned.status, orphaned.error[:16]) == ("failed", "The process died")
    assert stored() == exact(bars(50))


# --- SIGTERM and Ctrl-C ----------------------------------------------------------------------------------------------

SIGNALS = pytest.mark.parametrize(
    "number, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"]
)


def assert_interrupted(process: Process, number: int, code: int) -> None:
    signalled_at = time.monotonic()
    process.signal(number)
    ended = process.end()
    assert time.monotonic() - signalled_at < scale_limit(2)
    assert ended.code == code
    assert ended.sentence.startswith("interrupted: nothing of this file was stored")
    run = IngestRun.objects.get()
    assert (run.status, run.error) == ("failed", ended.sentence)
    assert nothing_is_stored()


@SIGNALS
def test_a_run_interrupted_while_it_reads_is_closed(market_db, big, number, code):
    with Process("--input", *big) as process:
        until(lambda: backend_in(COPYING))
        assert_interrupted(process, number, code)


@SIGNALS
def test_a_run_interrupted_while_it_waits_is_closed(market_db, small, number, code):
    with series_locked(), Process("--input", small) as process:
        until(lambda: backend_in(WAITING))
        assert_interrupted(process, number, code)


@SIGNALS
def test_a_run_interrupted_while_it_stores_is_closed(slow_upsert, small, number, code):
    with Process("--input", small, STAGED) as process:
        until(lambda: backend_in(STORING))
        assert_interrupted(process, number, code)


def test_an_interruption_ends_the_batch(market_db, small, tmp_path):
    other = write(tmp_path / "other.dbn", bars(3))
    with series_locked(), Process("--input", small, other) as process:
        until(lambda: backend_in(WAITING))
        process.signal(signal.SIGTERM)
        ended = process.end(10)

    assert (ended.code, ended.out) == (143, "2 files: 0 loaded, 0 skipped, 1 failed, 1 not reached.\n")
    assert ended.sentence.startswith("interrupted")
    assert IngestRun.objects.count() == 1


def test_the_signal_handlers_are_restored():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with cancel_on_signals() as token:
        token.raise_if_cancelled()
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] != before
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


# --- The server disconnects -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", [COPYING, WAITING])
def test_a_run_whose_session_the_server_ends_stores_nothing(market_db, big, small, moment):
    inputs, others = ([small], series_locked()) if moment == WAITING else (big, contextlib.nullcontext())
    with others, Process("--input", *inputs) as process:
        backend = until(lambda: backend_in(moment))
        with session() as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
        ended = process.end(10)

    assert ended.code == 1
    assert ended.sentence.startswith("The connection to the database was lost (")
    assert "nothing of this file was stored" in ended.sentence
    run = IngestRun.objects.get()
    assert (run.status, run.error) == ("failed", ended.sentence)
    assert nothing_is_stored()


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_next_file_is_loaded_over_a_new_connection(market_db, tmp_path, jobs):
    symbols = ["ESH4", "ESM4", "ESU4"]
    files = [write(tmp_path / f"{symbol}.dbn", bars(3), symbols=(symbol,), mappings={}) for symbol in symbols]
    with Process("--input", *files, "--jobs", jobs) as process:
        with series_locked():
            until(lambda: backends_in(WAITING) == jobs)
            with session() as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [backend_in(WAITING)])
            until(lambda: IngestRun.objects.filter(status="failed").exists() and backends_in(WAITING) == jobs)
        ended = process.end()

    assert ended.code == 1
    assert "3 files: 2 loaded, 0 skipped, 1 failed." in ended.out
    (lost,) = IngestRun.objects.filter(status="failed")
    assert lost.error.startswith("The connection to the database was lost (")
    for symbol in symbols:
        assert stored(symbol) == ({} if lost.file_name == f"{symbol}.dbn" else exact(bars(3)))


@pytest.mark.slow
def test_a_run_during_which_the_server_restarts_is_closed(small):
    """The embedded server stops during the command, which starts it again to close its run."""
    home = Path(tempfile.mkdtemp(prefix="restart-"))
    home.chmod(0o755)
    own = {"url": "", "EMBEDDED_PG_HOME": str(home), "EMBEDDED_PG_KEEP": "1"}
    try:
        with Process("--no-input", command="migrate", **own) as migrating:
            assert migrating.end().code == 0
        with every_series_locked_at(home) as cursor, Process("--input", small, **own) as process:
            until(lambda: query(cursor, COUNT_WAITING, WAITING))
            server.stop(home)
            ended = process.end()
        assert ended.code == 1
        assert ended.sentence.startswith("The connection to the database was lost (")
        with Process("--input", small, **own) as again:
            assert again.end().code == 0
        with every_series_locked_at(home) as cursor:
            statuses = query(cursor, "SELECT array_agg(status::text ORDER BY id) FROM data_ingest_runs")
            assert statuses == ["failed", "success"]
            assert query(cursor, "SELECT count(*) FROM market_bars_ohlcv_1m") == 50
    finally:
        server.stop(home)
        shutil.rmtree(home)


@contextlib.contextmanager
def every_series_locked_at(home: Path):
    """A session on the server in that folder that locks every series."""
    port, folder = (home / "data" / "postmaster.pid").read_text().splitlines()[3:5]
    other = psycopg2.connect(host=folder, port=port, user="postgres", dbname="marketdata")
    other.autocommit = True
    try:
        with other.cursor() as cursor:
            cursor.execute(*LOCK_EVERY_SERIES)
            yield cursor
    finally:
        other.close()


def query(cursor, sql: str, *parameters: object) -> object:
    cursor.execute(sql, parameters)
    return cursor.fetchone()[0]
