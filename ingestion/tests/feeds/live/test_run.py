"""The main thread of stream_live: what it does with events when there is no time left."""

from __future__ import annotations

import queue
import time
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from ingestion.cancellation import CancellationToken
from ingestion.errors import DatabaseFailure, IngestError
from ingestion.feeds.live import messages
from ingestion.feeds.live.lock import LiveLock
from ingestion.feeds.live.record import Recorder
from ingestion.feeds.live.run import LiveRun
from ingestion.feeds.live.spool import SessionSpool, make_key
from ingestion.feeds.live.store import live_folder
from ingestion.tests.feeds.live.test_minutes import T0, make_bar
from ingestion.tests.feeds.live.test_targets import CONTINUOUS_MNQ, MNQ, make_targets
from marketdata.models import Bar, FeedSession, IngestRun

AT = datetime(2026, 11, 25, 15, tzinfo=UTC)


@pytest.fixture
def run(live_db):
    one = LiveRun((), LiveLock(), CancellationToken(), lambda sentence: None, lambda *args, **options: None)
    assert one.lock.wait(CancellationToken(), lambda sentence: None)
    one._recorder, one._events = Recorder(), queue.SimpleQueue()
    yield one
    one.lock.release()


def test_a_session_that_began_when_the_time_is_over_is_closed_and_claims_nothing(run, tmp_path):
    path = tmp_path / "batch"
    path.touch()
    for event in (
        messages.SessionStarted("GLBX.MDP3", "a", messages.SessionPlan("GLBX.MDP3", (), ()), "127.0.0.1:13000", AT),
        messages.SessionAccepted("a", "17", AT),
        messages.BatchSpooled("GLBX.MDP3", "a", path, 1, 0, 0, AT, False),
        messages.SessionProgress("a", bars=1, closed_until_ns=1_764_082_800 * 10**9, replay_from_ns=0),
        messages.SessionEnded("a", "stopped", "stream_live was stopped.", AT),
    ):
        run._events.put(event)
    run._drain(time.monotonic() - 1)
    session = FeedSession.objects.get()
    assert (session.end, session.gateway_session, session.closed_until) == ("stopped", "17", None)
    assert path.exists()
    assert not IngestRun.objects.exists()


def test_what_another_process_spooled_later_is_stored(run, tmp_path, settings):
    """It lost the lock, and noticed that after this one had stored what was in the spool."""
    settings.FEED_DIR = tmp_path
    run._folder, run._receiver = live_folder(), None
    own, other = (SessionSpool(run._folder, "GLBX.MDP3", make_key(2, at)) for at in (AT, AT.replace(year=2025)))
    targets = make_targets(CONTINUOUS_MNQ)
    kept = own.write_batch(targets.build_files([make_bar(0, MNQ)], T0)[0])
    late = other.write_batch(targets.build_files([make_bar(1, MNQ)], T0)[0])
    started = messages.SessionStarted("GLBX.MDP3", make_key(2, AT), messages.SessionPlan("GLBX.MDP3", (), ()), "", AT)
    run._spool_checked = 0
    run._events.put(started)
    run._check_spool()
    assert late.exists(), "while events wait, whose sessions are known is not certain"
    run._handle(run._events.get())
    run._check_spool()
    assert (kept.exists(), late.exists(), Bar.objects.count()) == (True, False, 1)
    assert FeedSession.objects.get(started_at=AT.replace(year=2025)).end == "died"


def test_a_table_that_is_lacking_is_not_waited_for(run):
    def read():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM no_such_table")

    with pytest.raises(IngestError, match=r"no_such_table.*migrate") as caught:
        run._store(read)
    assert not isinstance(caught.value, DatabaseFailure)
