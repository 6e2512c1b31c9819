"""Turns what one session brings into files and events."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import databento_dbn

from ingestion.feeds.live.messages import (
    BatchSpooled,
    Event,
    RecordQuarantined,
    SessionAccepted,
    SessionPlan,
    SessionProgress,
)
from ingestion.feeds.live.minutes.bars import LiveBar, parse_bar
from ingestion.feeds.live.minutes.clock import HOUR, MINUTE, SECOND
from ingestion.feeds.live.minutes.collect import MinuteCollector, Outlets
from ingestion.feeds.live.minutes.doubts import Doubts
from ingestion.feeds.live.minutes.hours import OpenHours
from ingestion.feeds.live.options import LiveOptions
from ingestion.feeds.live.session import Ended, read_error
from ingestion.feeds.live.spool import SessionSpool
from ingestion.feeds.live.targets import Targets

_PROGRESS_SECONDS = 1.0
_MAX_QUARANTINED = 500  # files of one session; more are only counted
_RECENT = 90.0  # seconds
_SETTLE = 2 * MINUTE  # after a minute in doubt, before it is requested again: others may follow
_LONGEST_NO_BARS = HOUR // SECOND  # seconds


@dataclass
class Outlook:
    """What the sessions of a dataset know together. `repeated_at`: when (monotonic) a session last ended to request
    minutes again. `no_bars`: how many seconds without bars are an outage, longer after each in which none followed.
    `gateway_offset`: the gateway's time less this machine's, ns, None if no session has learned it."""

    doubts: Doubts
    no_bars: float
    repeated_at: float | None = None
    gateway_offset: int | None = None
    closed_until: int | None = None


class LiveListener:
    """The `SessionListener` of one session."""

    def __init__(
        self, *, plan: SessionPlan, options: LiveOptions, outlook: Outlook, spool: SessionSpool, key: str,
        send: Callable[[Event], None], renewal: Callable[[], Ended | None],
    ) -> None:  # fmt: skip
        self._plan, self._options, self._outlook = plan, options, outlook
        self._spool, self._key, self._send, self._renewal = spool, key, send, renewal
        self._began = self._progressed_at = time.monotonic()
        self._last_byte_at: datetime | None = None
        self._replayed_at: datetime | None = None
        self._unresolved: dict[str, None] = {}
        self._unresolved_at: int | None = None  # by the gateway's time
        self._is_accepted = self._has_checked_start = False
        self._opened_at = self._began
        self._live_since: float | None = None
        self._was_open = False
        self.targets = Targets(plan.dataset, plan.subscriptions)
        self.minutes = MinuteCollector(
            targets=self.targets,
            hours=OpenHours(plan.open_hours),
            doubts=outlook.doubts,
            outlets=Outlets(self._spool_bars, self._quarantine),
            is_replay=plan.asked_start_ns is not None,
            close_after=options.close_after,
            monotonic=self._began,
        )
        self.first_bar_at: float | None = None

    # --- What the session brings ---

    def accept(self, gateway_session: str) -> None:
        self._is_accepted = True
        self._send(SessionAccepted(self._key, gateway_session, _now()))

    def receive(self, record: Any) -> None:
        monotonic = time.monotonic()
        self._last_byte_at = _now()
        if isinstance(record, databento_dbn.OHLCVMsg):
            self.first_bar_at = self.first_bar_at or monotonic
            self.minutes.add_bar(parse_bar(bytes(record)), monotonic)
        elif isinstance(record, databento_dbn.SystemMsg):
            self._receive_message(record, monotonic)
        elif isinstance(record, databento_dbn.SymbolMappingMsg):
            self.targets.add_mapping(record.instrument_id, record.stype_in_symbol, record.stype_out_symbol)
        elif isinstance(record, databento_dbn.ErrorMsg):
            self.minutes.add_time(record.ts_event, monotonic)
            code, text = read_error(record)
            if code == "SYMBOL_RESOLUTION_FAILED":
                self._unresolved[text] = None
                self._unresolved_at = self._unresolved_at or self.minutes.clock.stated
        else:
            self.minutes.refuse(bytes(record), f"The record is a {type(record).__name__}, not a bar.")

    def skip(self) -> None:
        self.minutes.report_skipped(time.monotonic())

    def _receive_message(self, record: databento_dbn.SystemMsg, monotonic: float) -> None:
        code = getattr(record.code, "name", "")
        if code == "END_OF_INTERVAL":
            self.minutes.add_interval(record.ts_event, monotonic)
        elif code == "REPLAY_COMPLETED":
            self.minutes.end_replay(record.ts_event, monotonic)
        else:
            self.minutes.add_time(record.ts_event, monotonic)

    # --- What follows from time ---

    def check(self) -> Ended | None:
        monotonic = time.monotonic()
        self.minutes.check_time(monotonic)
        if self._replayed_at is None and not self.minutes.is_replay and self.targets.has_mappings:
            self._replayed_at, self._live_since = _now(), monotonic
        if not self.minutes.is_replay:
            self._count_tries()
        if monotonic - self._progressed_at >= _PROGRESS_SECONDS:
            self.report_progress()
        return self._renewal() or self._find_end(monotonic)

    def finish(self) -> None:
        """The session has ended: spool what it brought, and report it."""
        self.minutes.finish(time.monotonic())
        self._count_tries()
        self.report_progress()

    def _count_tries(self) -> None:
        if self.minutes.closed_until is not None:
            self._outlook.doubts.count_tries(self.minutes.closed_until)

    def report_progress(self) -> None:
        self._progressed_at = time.monotonic()
        minutes, counts = self.minutes, self.minutes.counts
        # While the gateway replays one subscription, earlier minutes of the next one may follow.
        closed_until = None if minutes.is_replay else minutes.closed_until
        replay_from = minutes.replay_from
        unproven: tuple[int, ...] = ()
        if closed_until is not None and replay_from is not None:
            unproven = self._outlook.doubts.list_all(replay_from, closed_until)
            self._outlook.closed_until = max(closed_until, self._outlook.closed_until or 0)
        knows_now = minutes.clock.is_now or not minutes.is_replay
        now = minutes.clock.get_time(self._progressed_at) if knows_now else None
        if now is not None:
            self._outlook.gateway_offset = now - time.time_ns()
        self._send(
            SessionProgress(
                key=self._key,
                bars=counts.bars,
                repeated=counts.repeated,
                late=counts.late,
                quarantined=counts.quarantined,
                closed_until_ns=closed_until,
                replay_from_ns=replay_from,
                replayed_at=self._replayed_at,
                last_bar_ns=minutes.last_bar,
                last_byte_at=self._last_byte_at,
                gateway_time_ns=minutes.clock.stated if knows_now else None,
                unproven=unproven,
                unresolved=self.targets.list_unresolved() if not minutes.is_replay else (),
            )
        )

    def describe_state(self) -> tuple[str, str]:
        """A `FeedStatus.State`, and what there is to explain about it."""
        if not self._is_accepted or self.minutes.clock.stated is None:
            return "connecting", ""
        reason = "; ".join(self._unresolved)
        monotonic = time.monotonic()
        now = self.minutes.clock.get_time(monotonic) or 0
        if self.minutes.is_replay:
            return "replaying", reason
        is_open = self.minutes.hours.find_open(now) is not None
        is_recent = self.minutes.closed_until is not None and monotonic - self.minutes.progressed_at < _RECENT
        return ("live" if is_open or is_recent else "closed"), reason

    def _find_end(self, monotonic: float) -> Ended | None:
        now = self.minutes.clock.get_time(monotonic)
        if now is None:
            return None
        return (
            self._check_start(now)
            or self._check_roll(now)
            or self._check_bars(now, monotonic)
            or self._check_doubts(monotonic)
            or self._check_unresolved(now)
        )

    def _check_start(self, now: int) -> Ended | None:
        """A start that is computed from a clock that is ahead would begin in the future."""
        if self._has_checked_start:
            return None
        self._has_checked_start = True
        start = self._plan.asked_start_ns
        if start is None or start <= now:
            return None
        self._outlook.gateway_offset = now - time.time_ns()
        return Ended("replay", "The start is later than the gateway's time: this machine's clock is wrong.")

    def _check_roll(self, now: int) -> Ended | None:
        roll = self._plan.replan_at_ns
        if roll is None or now < roll:
            return None
        is_closed = (self.minutes.closed_until or 0) >= roll
        if is_closed or now >= roll + MINUTE or self.minutes.hours.find_open(roll - MINUTE) is None:
            return Ended("roll", "A contract rolled, so the next session subscribes to its successor.")
        return None

    def _check_bars(self, now: int, monotonic: float) -> Ended | None:
        is_open = self.minutes.hours.find_open(now) is not None
        if is_open and not self._was_open:
            self._opened_at = monotonic
        self._was_open = is_open
        since = max(self._opened_at, self.minutes.progressed_at)
        if self._live_since is not None and self.minutes.progressed_at > self._live_since:
            self._outlook.no_bars = self._options.no_bars
        limit = self._outlook.no_bars
        if not is_open or monotonic - since < limit:
            return None
        self._outlook.no_bars = min(limit * 2, max(limit, _LONGEST_NO_BARS))
        return Ended("no_bars", f"The exchange is open, but no bar and no end of a minute came for {limit:g} seconds.")

    def _check_doubts(self, monotonic: float) -> Ended | None:
        last, closed_until = self._outlook.repeated_at, self.minutes.closed_until
        if self.minutes.is_replay or closed_until is None:
            return None
        if last is not None and monotonic - last < self._options.repeat_after:
            return None
        wanted = [minute for minute in self._outlook.doubts.list_wanted() if minute + _SETTLE <= closed_until]
        if not wanted:
            return None
        self._outlook.repeated_at = monotonic
        first = datetime.fromtimestamp(wanted[0] // SECOND, UTC)
        count = f"{len(wanted):,} minutes" if len(wanted) > 1 else "one minute"
        return Ended("replay", f"From {first:%Y-%m-%d %H:%M} UTC on, {count} did not arrive complete: requested again.")

    def _check_unresolved(self, now: int) -> Ended | None:
        if self._unresolved_at is None or now - self._unresolved_at < HOUR:
            return None
        return Ended("replay", "Symbols that the gateway did not resolve are subscribed again.")

    # --- Files ---

    def _spool_bars(self, bars: list[LiveBar], is_replay: bool) -> None:
        closed_at = _now()
        for content in self.targets.build_files(bars, self._plan.asked_start_ns):
            path = self._spool.write_batch(content)
            first, last = (int(content.records["ts_event"][row]) for row in (0, -1))
            rows = len(content.records)
            self._send(BatchSpooled(self._plan.dataset, self._key, path, rows, first, last, closed_at, is_replay))

    def _quarantine(self, raw: bytes, reason: str) -> None:
        if self.minutes.counts.quarantined <= _MAX_QUARANTINED:
            path = self._spool.write_quarantined(raw, reason)
            self._send(RecordQuarantined(self._plan.dataset, self._key, path, reason))


def lower_starts(plan: SessionPlan, start: int) -> SessionPlan:
    """The plan with no start later than this. A subscription without a replay stays without one."""
    lowered = (
        replace(one, start_ns=max(min(one.start_ns, start), one.from_ns or 0)) if one.start_ns is not None else one
        for one in plan.subscriptions
    )
    return replace(plan, subscriptions=tuple(lowered))


def raise_starts(plan: SessionPlan, start: int) -> SessionPlan:
    """The plan with no start earlier than this."""
    raised = (
        replace(one, start_ns=max(one.start_ns, start)) if one.start_ns is not None else one
        for one in plan.subscriptions
    )
    return replace(plan, subscriptions=tuple(raised))


def _now() -> datetime:
    return datetime.now(UTC)
