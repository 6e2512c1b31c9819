"""One session after another for a dataset, until it is stopped or refused."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ingestion.errors import IngestError
from ingestion.feeds.errors import FeedRefused
from ingestion.feeds.live.listener import LiveListener, Outlook, lower_starts, raise_starts
from ingestion.feeds.live.messages import (
    Event,
    FeedStopped,
    PlanRequested,
    SessionEnded,
    SessionPlan,
    SessionStarted,
    StateChanged,
)
from ingestion.feeds.live.minutes.clock import HOUR, MINUTE
from ingestion.feeds.live.minutes.doubts import Doubts
from ingestion.feeds.live.options import LiveOptions
from ingestion.feeds.live.pauses import Pauses, SessionRate, is_weekly_restart
from ingestion.feeds.live.session import Ended, run_session
from ingestion.feeds.live.spool import SessionSpool, make_key

logger = logging.getLogger(__name__)

WINDOW = 24 * HOUR - 10 * MINUTE  # that a session may request at most
OVERLAP = HOUR

_STOPPED = Ended("stopped", "stream_live was stopped.")
_POLL_SECONDS = 0.02
_BY_INTENT = ("roll", "replay")
_LOST = ("eof", "reset", "silent", "unreachable")


@dataclass(frozen=True)
class Surroundings:
    """What the supervisors of all datasets share. `next_number` numbers sessions, `next_start` gives each its time."""

    options: LiveOptions
    folder: Path
    send: Callable[[Event], None]
    next_number: Callable[[], int]
    next_start: Callable[[], datetime]


class Supervisor:
    """`stop` and `renew` are called in the event loop's thread."""

    def __init__(self, dataset: str, surroundings: Surroundings) -> None:
        self.dataset = dataset
        self._around, self._options, self._send = surroundings, surroundings.options, surroundings.send
        self._outlook = Outlook(Doubts(), self._options.no_bars)
        self._pauses, self._rate = Pauses(self._options.longest_pause), SessionRate()
        self._plan: SessionPlan | None = None
        self._window = WINDOW
        self._state = ("", "")
        self._renewal: Ended | None = None
        self._is_stopping = False
        self._wake = asyncio.Event()

    def stop(self) -> None:
        """End the session, and begin no other."""
        self._is_stopping = True
        self._wake.set()

    def renew(self, ended: Ended) -> None:
        """End the session, if there is one, and begin another with a new plan."""
        self._renewal = ended
        self._wake.set()

    async def run(self) -> None:
        """Until `stop`, or until the gateway refuses for good, which is reported as `FeedStopped`."""
        try:
            while not self._is_stopping:
                self._wake.clear()
                self._renewal = None
                await self._run_once()
        except IngestError as error:
            self._set_state("stopped", str(error))
            self._send(FeedStopped(self.dataset, error))
        else:
            self._set_state("stopped", "")

    async def _run_once(self) -> None:
        self._set_state("connecting" if self._state[0] != "reconnecting" else "reconnecting", self._state[1])
        await self._wait_for_rate()
        plan = await self._request_plan()
        if plan is None or self._is_stopping:
            return
        if not plan.subscriptions:
            self._set_state("stopped", "No series of the dataset is live.")
            await self._sleep(self._options.longest_pause)
            return
        ended, steady_for = await self._run_session(plan)
        if self._is_stopping:
            return
        if ended.is_fatal:
            raise FeedRefused(ended.sentence)
        self._learn_window(ended)
        is_intended = ended.why in _BY_INTENT and steady_for > 0
        if is_intended:
            self._set_state("connecting", ended.sentence)
            return
        pause = self._pauses.choose(steady_for)
        level = logging.INFO if ended.why == "restart" else logging.WARNING
        logger.log(level, "%s: %s Another session follows in %.1f seconds.", self.dataset, ended.sentence, pause)
        self._set_state("reconnecting", ended.sentence)
        await self._sleep(pause)

    # --- Plans ---

    async def _request_plan(self) -> SessionPlan | None:
        """A plan of the main thread, or the last one if that is busy with the database. None: asked to stop, or it
        failed."""
        requested = PlanRequested(self.dataset, self._estimate_time())
        self._send(requested)
        began = time.monotonic()
        while not requested.plan.done():
            if self._is_stopping:
                return None
            if self._plan is not None and time.monotonic() - began >= self._options.plan:
                return self._limit(self._repeat_plan(self._plan))
            await asyncio.sleep(_POLL_SECONDS)
        return await self._read_plan(requested.plan)

    async def _read_plan(self, plan: Future[SessionPlan]) -> SessionPlan | None:
        is_first = self._plan is None
        try:
            self._plan = plan.result()
        except FeedRefused:
            raise
        except IngestError as error:
            self._set_state("reconnecting", remove_repeat_advice(str(error)))
            await self._sleep(self._pauses.choose(0))
            return None
        for minute in self._plan.unproven if is_first else ():
            self._outlook.doubts.add(minute)
        return self._limit(self._plan)

    def _repeat_plan(self, plan: SessionPlan) -> SessionPlan:
        closed_until = self._outlook.closed_until
        return plan if closed_until is None else raise_starts(plan, closed_until - OVERLAP)

    def _limit(self, plan: SessionPlan) -> SessionPlan:
        """The plan, with the minutes that are requested again, and without what the gateway does not replay."""
        now = self._estimate_time()
        oldest = 0 if now is None else now - self._window
        self._outlook.doubts.forget_before(oldest)
        if wanted := self._outlook.doubts.list_wanted():
            plan = lower_starts(plan, wanted[0])
        if self._window < WINDOW or any((one.start_ns or oldest) < oldest - HOUR for one in plan.subscriptions):
            plan = raise_starts(plan, oldest)
        return plan

    def _estimate_time(self) -> int | None:
        offset = self._outlook.gateway_offset
        return None if offset is None else time.time_ns() + offset

    def _learn_window(self, ended: Ended) -> None:
        """After a refused start a later one is requested, until a session succeeds."""
        if ended.is_aged_out:
            self._window //= 2
        elif ended.why in _BY_INTENT or self._outlook.closed_until is not None:
            self._window = WINDOW

    # --- One session ---

    async def _run_session(self, plan: SessionPlan) -> tuple[Ended, float]:
        """How it ended, and for how many seconds it had bars."""
        self._rate.begin(time.monotonic())
        at = self._around.next_start()
        key = make_key(self._around.next_number(), at)
        gateway = self._options.format_gateway(self.dataset)
        if plan.asked_start_ns is not None:
            self._outlook.doubts.begin_session(plan.asked_start_ns)
        listener = LiveListener(
            plan=plan,
            options=self._options,
            outlook=self._outlook,
            spool=SessionSpool(self._around.folder, self.dataset, key),
            key=key,
            send=self._send,
            renewal=lambda: self._find_renewal(listener),
        )
        self._send(SessionStarted(self.dataset, key, plan, gateway, at))
        ended = await run_session(plan, self._options, listener)
        try:
            listener.finish()
        except IngestError as error:
            ended = replace(ended, why="error", sentence=str(error))
        ended = self._name_restart(ended)
        ended_at = max(datetime.now(UTC), at)
        self._send(SessionEnded(key, ended.why, ended.sentence, ended_at))
        first = listener.first_bar_at
        return ended, 0.0 if first is None else max(time.monotonic() - first, 0.001)

    def _find_renewal(self, listener: LiveListener) -> Ended | None:
        state, reason = listener.describe_state()
        if state != "connecting":
            self._set_state(state, reason)
        return _STOPPED if self._is_stopping else self._renewal

    def _name_restart(self, ended: Ended) -> Ended:
        now = self._estimate_time()
        if ended.why not in _LOST or now is None or not is_weekly_restart(self.dataset, now):
            return ended
        return replace(ended, why="restart", sentence=f"The gateway restarts, as it does each week. {ended.sentence}")

    # --- State ---

    def _set_state(self, state: str, reason: str) -> None:
        if (state, reason) != self._state:
            self._state = state, reason
            self._send(StateChanged(self.dataset, state, reason, datetime.now(UTC)))

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return

    async def _wait_for_rate(self) -> None:
        while not self._is_stopping and (delay := self._rate.find_delay(time.monotonic())) > 0:
            await asyncio.sleep(min(delay, _POLL_SECONDS))


def remove_repeat_advice(sentence: str) -> str:
    """The sentence of a failed request, without its advice to run the command again: this one asks again by itself."""
    return re.sub(r"(:|, then) run the command again( later)?(?=\.|$)", "", sentence)


class SessionStarts:
    """Times that differ by a microsecond at least, also if this machine's clock is set back."""

    def __init__(self) -> None:
        self._last = datetime.min.replace(tzinfo=UTC)

    def __call__(self) -> datetime:
        self._last = max(datetime.now(UTC), self._last + timedelta(microseconds=1))
        return self._last
