"""The audit trail: no run is left `running` by a process that died, and none is closed while it lives."""

import threading
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError
from django.db import OperationalError, connection
from django.utils import timezone

from config.testing.builders import MIDNIGHT, bars, ingest, save, undo_run, write
from config.testing.processes import session
from ingestion.errors import UnreadableFile
from ingestion.pipeline import ingest_file
from ingestion.runs import fail_run, open_run, release_run_lock, succeed_run
from marketdata.models import IngestRun
from marketdata.runs.commits import CHANNEL
from marketdata.runs.locks import PROCESS_DIED, close_orphaned_runs, lock_run


def new_run(**fields) -> IngestRun:
    return IngestRun(file_name="mnq.dbn", file_path="/raw/mnq.dbn", **fields)


def orphaned(**fields) -> IngestRun:
    """A run as a process leaves it that was killed."""
    run = new_run(**({"started_at": timezone.now()} | fields))
    run.save()
    return run


def finish(run: IngestRun) -> None:
    run.row_count = run.inserted_count = 1
    run.min_ts = run.max_ts = MIDNIGHT
    run.file_sha256 = "0" * 64
    succeed_run(run)


def test_a_run_without_a_lock_is_closed_as_failed_once(market_db):
    run = orphaned(vendor_dataset="GLBX.MDP3")

    assert close_orphaned_runs() == [run.pk]
    assert close_orphaned_runs() == []

    run.refresh_from_db()
    assert (run.status, run.error, run.vendor_dataset) == ("failed", PROCESS_DIED, "GLBX.MDP3")
    assert run.finished_at >= run.started_at


def test_a_run_that_another_session_locks_stays_running(market_db):
    run = orphaned()
    with session() as other:
        lock_run(other, run.pk)
        assert close_orphaned_runs() == []
    run.refresh_from_db()
    assert run.status == "running"


def test_a_run_is_locked_before_it_is_visible_and_until_it_is_released(market_db):
    run = new_run()
    open_run(run)
    with session() as other:
        other.execute("SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND pid = %s", [backend_pid()])
        assert other.fetchall() == [(run.pk,)]
        release_run_lock(run)
        other.execute("SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND pid = %s", [backend_pid()])
        assert other.fetchall() == []


def backend_pid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def test_an_orphaned_run_from_a_clock_ahead_is_closed(market_db):
    run = orphaned(started_at=timezone.now() + timedelta(hours=1))

    assert close_orphaned_runs() == [run.pk]

    run.refresh_from_db()
    assert run.finished_at == run.started_at


def test_a_clock_set_back_meanwhile_does_not_refuse_the_file(market_db, tmp_path, monkeypatch):
    moments = iter([timezone.now() + timedelta(hours=1)])
    monkeypatch.setattr("ingestion.runs.read_database_time", lambda: next(moments, timezone.now()))

    run = ingest_file(path=write(tmp_path / "mnq.dbn", bars())).run

    assert (run.status, run.finished_at) == ("success", run.started_at)


def test_every_ingest_closes_orphaned_runs_first(market_db, tmp_path):
    run = orphaned()
    ingest_file(path=write(tmp_path / "mnq.dbn", bars()))
    run.refresh_from_db()
    assert run.status == "failed"


def test_a_refused_ingest_closes_orphaned_runs_first(market_db, tmp_path):
    run = orphaned()
    with pytest.raises(UnreadableFile, match="does not exist"):
        ingest_file(path=tmp_path / "missing.dbn")
    assert set(IngestRun.objects.values_list("status", flat=True)) == {"failed"}
    assert IngestRun.objects.get(error=PROCESS_DIED) == run


def test_threads_that_close_orphaned_runs_at_once_close_each_once(market_db):
    runs = [orphaned().pk for _ in range(20)]
    closed: list[int] = []

    def look():
        closed.extend(close_orphaned_runs())
        connection.close()

    lookers = [threading.Thread(target=look) for _ in range(4)]
    for looker in lookers:
        looker.start()
    for looker in lookers:
        looker.join()

    assert sorted(closed) == runs


def test_fail_run_keeps_the_first_error_and_returns_the_status(market_db):
    run = new_run()
    open_run(run)
    assert fail_run(run, "It is cut off.") == "failed"
    assert fail_run(run, "Something else.") == "failed"
    assert IngestRun.objects.get().error == "It is cut off."


def test_fail_run_does_not_change_a_committed_run(market_db):
    run = new_run()
    open_run(run)
    finish(run)
    assert fail_run(run, "The answer was lost.") == "success"
    assert (run.status, run.error) == ("success", "")


def test_fail_run_replaces_a_broken_connection(market_db):
    run = new_run()
    open_run(run)
    with session() as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [backend_pid()])
    assert fail_run(run, "The connection was lost.") == "failed"


def test_fail_run_without_a_database_returns_running(market_db, monkeypatch):
    run = new_run()
    open_run(run)

    def refuse(*args):
        raise OperationalError("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr("ingestion.runs.close_as_failed", refuse)
        assert fail_run(run, "The connection was lost.") is None
    assert close_orphaned_runs() == [run.pk]


def test_a_run_that_ends_before_its_lock_is_tried_is_not_closed_again(market_db, monkeypatch):
    seen = orphaned()

    def claim_late(cursor, run_id):
        finish(seen)
        return True

    monkeypatch.setattr("marketdata.runs.locks.try_lock_run", claim_late)
    assert close_orphaned_runs() == []
    seen.refresh_from_db()
    assert seen.status == "success"


@pytest.mark.parametrize("address", ["/", "/series/mnq/", "/api/ingest-runs/", "/admin/marketdata/ingestrun/"])
def test_pages_close_orphaned_runs_first(market_db, client, address):
    run = IngestRun.objects.create(file_name="orphaned.dbn", file_path="orphaned.dbn", started_at=timezone.now())
    user = get_user_model().objects.create_superuser("reader")
    client.force_login(user)
    try:
        assert client.get(address).status_code == 200
    finally:
        user.delete()
    run.refresh_from_db()
    assert (run.status, run.error) == ("failed", PROCESS_DIED)


def test_listeners_are_notified_of_each_success_as_it_commits(market_db, tmp_path):
    with session() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")

        def read() -> list[str]:
            cursor.execute("SELECT 1")
            raw = cursor.connection
            found, raw.notifies[:] = [notice.payload for notice in raw.notifies], []
            return found

        path = write(tmp_path / "mnq.dbn", bars(3))
        ingest(path, dry_run=True)
        assert read() == []
        ingest(path)
        assert read() == ["1"]
        with pytest.raises(CommandError):
            ingest(save(tmp_path / "bad.dbn", b"nothing"))
        assert read() == []
        undo_run(1)
        assert read() == [str(IngestRun.objects.latest("pk").pk)]
