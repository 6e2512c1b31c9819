"""The locks of running runs, and the closing of runs whose process died."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from config.testing.processes import session, until
from marketdata.models import IngestRun
from marketdata.runs.locks import (
    PROCESS_DIED,
    UNDO_DIED,
    close_as_failed,
    close_orphaned_runs,
    lock_run,
    try_lock_run,
    unlock_run,
)


@pytest.fixture
def run(market_db) -> IngestRun:
    """A run that is `running`, without a process that holds its lock."""
    return IngestRun.objects.create(file_name="mnq.dbn", file_path="/raw/mnq.dbn", started_at=timezone.now())


def test_a_locked_run_stays_open_until_it_is_unlocked(run):
    with session() as other:
        lock_run(other, run.pk)
        assert close_orphaned_runs() == []
        unlock_run(other, run.pk)
        assert close_orphaned_runs() == [run.pk]
    run.refresh_from_db()
    assert (run.status, run.error) == ("failed", PROCESS_DIED)


def test_a_lock_ends_with_its_connection(run):
    with session() as other:
        lock_run(other, run.pk)
    until(lambda: close_orphaned_runs() == [run.pk])  # the server ends a session a moment after its client


def test_an_orphaned_undo_has_a_message_of_its_own(run):
    undo = IngestRun.objects.create(kind="undo", undoes=run, file_name="mnq.dbn", started_at=timezone.now())
    assert close_orphaned_runs() == [run.pk, undo.pk]
    undo.refresh_from_db()
    assert undo.error == UNDO_DIED


def test_a_try_does_not_wait_and_ends_with_the_transaction(run):
    number = run.pk + 2**31  # has the same lock
    with session() as other:
        lock_run(other, number)
        with connection.cursor() as cursor:
            assert not try_lock_run(cursor, run.pk)
            unlock_run(other, number)
            with transaction.atomic():
                assert try_lock_run(cursor, run.pk)
            assert try_lock_run(cursor, run.pk)


def test_a_run_is_closed_once(run):
    assert close_as_failed(run, "The first error.")
    assert not close_as_failed(run, "Another error.")
    run.refresh_from_db()
    assert run.error == "The first error."


def test_a_run_does_not_end_before_it_started(run):
    """The clock of the machine that started it may be ahead."""
    run.started_at = timezone.now() + timedelta(hours=1)
    run.save()
    assert close_as_failed(run, "The process died.")
    run.refresh_from_db()
    assert run.finished_at == run.started_at
