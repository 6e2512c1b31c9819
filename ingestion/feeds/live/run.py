"""Keeps series current to the minute: `run_live` is the table of contents, one line per step."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from ingestion.cancellation import CancellationToken
from ingestion.database import require_database, require_own_session
from ingestion.errors import IngestError
from ingestion.feeds.errors import FeedRefused
from ingestion.feeds.folders import refuse_folder
from ingestion.feeds.live import messages
from ingestion.feeds.live.database import DatabaseAccess, LockTaken, Stopped
from ingestion.feeds.live.lock import LiveLock
from ingestion.feeds.live.options import LiveOptions
from ingestion.feeds.live.planning.gaps import GapRequests, RequestPrice
from ingestion.feeds.live.planning.hours import from_ns
from ingestion.feeds.live.planning.plan import PlannedSession
from ingestion.feeds.live.planning.resolver import Planner
from ingestion.feeds.live.planning.series import find_live_series
from ingestion.feeds.live.planning.starts import Start
from ingestion.feeds.live.receiver import Receiver
from ingestion.feeds.live.record import Recorder, read_offsets
from ingestion.feeds.live.spool import SpooledFile, list_batches, list_quarantined
from ingestion.feeds.live.store import live_folder, record_quarantined, store_batch
from marketdata.formatting import format_count
from marketdata.models import FeedSession, FeedStatus, Series

logger = logging.getLogger(__name__)

Report = Callable[[str], None]

STOP_SECONDS = 2.6  # from the signal to the end of the process
_RECEIVER_SECONDS = 1.0
_DRAIN_SECONDS = 1.6  # from the signal, for what the receiver closed
_CONTENT = (messages.BatchSpooled, messages.RecordQuarantined, messages.SessionProgress)
_POLL_SECONDS = 0.2
_SERIES_SECONDS = 10.0
_SPOOL_SECONDS = 10.0
_STOPPED = "stream_live was stopped."
_AWAY = "Stopped while the database was away: what is in the spool is stored at the next start."


def run_live(*, slugs: Sequence[str], token: CancellationToken, report: Report, request_price: RequestPrice) -> None:
    """Receive the series until a signal arrives. `report` gets a sentence when something changes.

    Raises an `IngestError` for what a person must mend. A database, gateway or vendor that does not answer for now is
    waited for.
    """
    require_database()
    require_own_session()
    find_live_series(slugs)
    LiveOptions.read()
    done = threading.Event()
    threading.Thread(target=_end_in_time, args=(token, report, done), daemon=True, name="deadline").start()
    try:
        while token.signal_number is None:
            _run_once(LiveRun(slugs, LiveLock(), token, report, request_price))
    finally:
        done.set()


def _run_once(run: LiveRun) -> None:
    try:
        run.run()
    except Stopped:
        run.report(_AWAY)
    except LockTaken:
        run.report("Another stream_live took over while the database was away: this one waits again.")
    finally:
        run.lock.release()


def _end_in_time(token: CancellationToken, report: Report, done: threading.Event) -> None:
    """End the process in time after a signal, also if the database does not answer: closed minutes are on the disk."""
    token.arrived.wait()
    if done.wait(STOP_SECONDS) or token.signal_number is None:
        return
    report(
        "Stopped before the database had answered: closed minutes are in the spool, and are stored at the next start."
    )
    os._exit(0)


class LiveRun:
    """What one process does until a signal arrives, or until it loses the lock."""

    def __init__(
        self,
        slugs: Sequence[str],
        lock: LiveLock,
        token: CancellationToken,
        report: Report,
        request_price: RequestPrice,
    ) -> None:
        self._slugs, self.lock, self._token, self.report = slugs, lock, token, report
        self._store = DatabaseAccess(lock, token, report).run
        self._gaps = GapRequests(request_price)
        self._events: queue.SimpleQueue[messages.Event] = queue.SimpleQueue()
        self._plans: dict[str, messages.SessionPlan] = {}  # by the keys of sessions
        self._stopped: dict[str, Exception] = {}
        self._replayed: dict[str, int] = {}
        self._starts: dict[str, list[Start]] = {}  # whose gaps are not priced yet
        self._series_checked = self._spool_checked = time.monotonic()
        self._left: set[Path] = set()  # in the spool, and cannot be removed

    def run(self) -> None:
        """Wait for the lock, store what is in the spool, then receive and store until a signal arrives."""
        if not self.lock.wait(self._token, self.report):
            return
        self._recorder = self._store(Recorder)
        self._store(self._recorder.close_died)
        self._folder = self._store(live_folder)
        self._recover(self._folder)
        self._series = self._store(lambda: find_live_series(self._slugs))
        self._store(partial(self._recorder.stop_others, self._series))
        self._open()
        try:
            while self._token.signal_number is None:
                self._work()
        except Stopped:
            pass
        except IngestError as error:
            until = time.monotonic() + _DRAIN_SECONDS
            self._receiver.stop(timeout=_RECEIVER_SECONDS)
            with contextlib.suppress(Stopped, IngestError):
                self._drain(until)
            self._recorder.stop_all(str(error))
            raise
        finally:
            until = time.monotonic() + _DRAIN_SECONDS
            self._receiver.stop(timeout=_RECEIVER_SECONDS)
        self._finish(until)

    # --- Steps -------------------------------------------------------------------------------------------------------

    def _recover(self, folder: Path) -> None:
        """What an earlier process received and did not store, before anything else arrives."""
        batches, stored = list_batches(folder), 0
        for number, batch in enumerate(batches):
            if self._token.signal_number is not None:
                return
            self._recorder.spool_files = len(batches) - number
            stored += self._load(batch.path, self._find_session(batch))
        for record in list_quarantined(folder):
            self._store(partial(record_quarantined, record.path, self._find_session(record), record.reason))
        self._recorder.spool_files = 0
        if stored:
            self.report(f"Stored {format_count(stored, 'file')} that an earlier process had received.")

    def _find_session(self, file: SpooledFile) -> int:
        return self._store(partial(self._recorder.find_session, file.dataset, file.started_at))

    def _open(self) -> None:
        """Start the receiver for the datasets of the series."""
        from ingestion.feeds.client import open_vendor  # the vendor's library takes half a second to import

        self._planner = Planner(
            self._series,
            open_vendor=open_vendor,
            on_plan=self._on_plan,
            report=self.report,
            offsets=self._store(read_offsets),
        )
        self._receiver = Receiver(
            datasets=sorted(self._series), events=self._events, folder=self._folder, options=LiveOptions.read()
        )
        self._receiver.start()

    def _work(self) -> None:
        try:
            event = self._events.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            event = None
        if event is not None:
            self._handle(event)
        self._store(self._planner.work)
        self._store(self._recorder.write_if_due)
        self._check_series()
        if event is None:
            self._check_spool()
        if event is None and not self._receiver.is_alive() and self._events.empty():
            raise IngestError("The receiver of the live feed ended: run the command again.")

    def _finish(self, until: float) -> None:
        """After a signal: store what the receiver closed, and record the end. The deadline is that of the process."""
        try:
            self._drain(until)
            self._store(lambda: self._recorder.stop_all(_STOPPED))
        except Stopped:
            self.report(_AWAY)
            return
        left = len(list_batches(self._folder))
        kept = f"{format_count(left, 'file')} in the spool will be stored at the next start" if left else ""
        self.report(f"Stopped: {kept or 'all closed minutes are stored'}.")

    def _drain(self, until: float) -> None:
        """What the receiver sent before it stopped, for as long as there is time (monotonic)."""
        while not self._events.empty():
            event = self._events.get()
            # What is left in the spool is stored at the next start. A session does not count it as closed.
            if time.monotonic() < until or not isinstance(event, _CONTENT):
                self._handle(event)

    # --- Events ------------------------------------------------------------------------------------------------------

    def _handle(self, event: messages.Event) -> None:
        recorder = self._recorder
        match event:
            case messages.PlanRequested():
                self._planner.request(event)
            case messages.SessionStarted():
                self._replayed.pop(event.dataset, None)
                others = {key: plan for key, plan in self._plans.items() if plan.dataset != event.dataset}
                self._plans = others | {event.key: event.plan}
                self._store(lambda: recorder.start_session(event))
            case messages.SessionAccepted():
                self._store(lambda: recorder.accept_session(event))
            case messages.SessionProgress():
                recorder.advance_session(event)
                self._check_time(event)
            case messages.BatchSpooled():
                self._replayed[event.dataset] = self._replayed.get(event.dataset, 0) + event.rows * event.is_replay
                self._load(event.path, recorder.get_session(event.key))
                recorder.record_lag(event.dataset, event.arrived_at)
            case messages.RecordQuarantined():
                session = recorder.get_session(event.key)
                self._store(lambda: record_quarantined(event.path, session, event.reason))
                self.report(f"{event.dataset}: a record was quarantined: {event.reason}")
            case messages.SessionEnded():
                self._store(lambda: recorder.end_session(event))
            case messages.StateChanged():
                if self._store(lambda: recorder.change_state(event)):
                    self.report(self._describe(event))
            case messages.FeedStopped():
                self._stop_dataset(event)

    def _load(self, path: Path, session: int) -> bool:
        """Store a batch, and report what cannot be stored. Whether all of it is stored."""
        if not path.exists():
            return False
        try:
            stored = self._store(lambda: store_batch(path, session))
        except (OSError, FeedRefused) as error:
            refusal = error if isinstance(error, FeedRefused) else refuse_folder(error, path.parent)
            self._left.add(path)
            self.report(f"{path.name} stays in the spool, and is loaded again at the next start: {refusal}")
            return False
        for sentence in stored.refused:
            self.report(f"A batch was quarantined: {sentence}")
        return not stored.refused

    def _check_time(self, event: messages.SessionProgress) -> None:
        plan, stated = self._plans.get(event.key), from_ns(event.gateway_time_ns)
        if plan is None or stated is None:
            return
        if self._planner.must_renew(event.key, plan, stated):
            sentence = f"The gateway's time is {stated:%Y-%m-%d %H:%M} UTC, which is not this machine's."
            self._receiver.renew(plan.dataset, FeedSession.End.REPLAY.value, sentence)
            return
        if event.replayed_at is not None:
            self._planner.end_replay(event.key, plan.dataset)
        first = from_ns(event.replay_from_ns)
        if first is not None or event.replayed_at is not None:
            self._request_gaps(plan.dataset, first)

    def _request_gaps(self, dataset: str, first: datetime | None) -> None:
        """Prices of what the gateway does not replay, which can be more than was asked for: `first` is what it did.

        Only its own time shows what is too old, since this machine's clock may be wrong.
        """
        starts = self._starts.pop(dataset, [])
        if first is not None:
            starts = [replace(one, start=max(first, one.start)) for one in starts]
        for sentence in self._store(partial(self._gaps.request, starts)):
            self.report(sentence)

    def _check_series(self) -> None:
        """Series that were switched on or off since the last look."""
        if self._slugs or time.monotonic() - self._series_checked < _SERIES_SECONDS:
            return
        self._series_checked = time.monotonic()
        found = self._store(lambda: find_live_series(self._slugs))
        if found is None or _describe_series(found) == _describe_series(self._series):
            return
        changed = [name for name in found if _describe_series(found)[name] != _describe_series(self._series).get(name)]
        is_restart, self._series = found.keys() != self._series.keys(), found
        self.report("The live series have changed.")
        if is_restart:
            self._receiver.stop(timeout=_RECEIVER_SECONDS)
            while not self._events.empty():
                self._handle(self._events.get())
            self._open()
            return
        for dataset in changed:
            self._planner.change_series(dataset, found[dataset])
            self._receiver.renew(dataset, FeedSession.End.REPLAY.value, "The live series have changed.")

    def _check_spool(self) -> None:
        """What a process that lost the lock spooled after this one had stored what was there."""
        if time.monotonic() - self._spool_checked < _SPOOL_SECONDS:
            return
        found = list_batches(self._folder)
        if not self._events.empty():  # the beginning of the session of a batch may be among them
            return
        self._spool_checked = time.monotonic()
        for batch in found:
            if not self._recorder.has_session(batch.key) and batch.path not in self._left:
                self._load(batch.path, self._find_session(batch))

    def _stop_dataset(self, event: messages.FeedStopped) -> None:
        self._stopped[event.dataset] = event.error
        self._store(lambda: self._recorder.stop(event.dataset, str(event.error)))
        if self._stopped.keys() >= self._series.keys():
            error = event.error
            raise (
                error if isinstance(error, IngestError) else IngestError(f"The live feed failed: {error!r}")
            ) from error
        self.report(f"{event.dataset}: stopped: {event.error}")

    def _on_plan(self, planned: PlannedSession) -> None:
        for one in planned.left_out:
            self.report(f"{one.slug} is left out: no contract of {one.feed_symbol} trades now.")
        self._starts[planned.plan.dataset] = planned.starts

    def _describe(self, event: messages.StateChanged) -> str:
        match event.state:
            case FeedStatus.State.LIVE:
                count = self._replayed.pop(event.dataset, 0)
                text = f"live, after {format_count(count, 'replayed bar')}" if count else "live"
            case FeedStatus.State.RECONNECTING:
                text = f"reconnecting: {event.reason}" if event.reason else "reconnecting"
                return f"{event.dataset}: {text}"
            case _:
                text = str(event.state)
        return f"{event.dataset}: {text}{f': {event.reason}' if event.reason else ''}"


def _describe_series(series: dict[str, list[Series]]) -> dict[str, list[tuple[object, ...]]]:
    return {
        dataset: [(one.pk, one.symbol, one.feed_symbol, one.feed_stype, one.calendar) for one in some]
        for dataset, some in series.items()
    }
