"""Collects the bars of a session minute by minute, and emits those of closed minutes.

A minute is closed by its END_OF_INTERVAL, or by the gateway's time if none comes. While the gateway replays, many
minutes are emitted together. What is emitted is never changed: another value of the same bar is emitted later, by
itself, so that it becomes a revision.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from ingestion.feeds.live.minutes.bars import LiveBar, find_fault
from ingestion.feeds.live.minutes.clock import MINUTE, SECOND, GatewayClock
from ingestion.feeds.live.minutes.doubts import Doubts
from ingestion.feeds.live.minutes.holes import HoleFinder
from ingestion.feeds.live.minutes.hours import OpenHours
from ingestion.feeds.live.targets import Targets

MAX_REPLAY_ROWS = 5_000
MAX_REPLAY_MINUTES = 60

_MAX_WAIT = 1.0  # seconds that a closed minute of a replay may wait for others
_FUTURE = 2 * MINUTE
_MAX_JUMP = 26 * 60 * MINUTE  # an interval that ends later than this from now is none
_MAX_SKIPPED = 60 * MINUTE
_CATCH_UP = 60.0  # seconds after which a replay has ended, though no message states it
_MAX_MINUTES = 3_000
_MAX_KNOWN = 100_000  # bars that are remembered, to recognise repeated ones


@dataclass
class Counts:
    """Of one session: bars that arrived, arrived more than once, and after their minute; and refused records."""

    bars: int = 0
    repeated: int = 0
    late: int = 0
    quarantined: int = 0


@dataclass(frozen=True)
class Outlets:
    """Where a collector sends bars of closed minutes, and records that cannot be stored with the reason."""

    emit: Callable[[list[LiveBar], bool], None]
    quarantine: Callable[[bytes, str], None]


class MinuteCollector:
    """`monotonic` is this machine's monotonic time in seconds; all other times are ns.

    `closed_until`: the end of the last interval that the gateway closed; `replay_from`: the first minute that it
    closed. `progressed_at`: the monotonic time of the last bar or interval.
    """

    def __init__(
        self,
        *,
        targets: Targets,
        hours: OpenHours,
        doubts: Doubts,
        outlets: Outlets,
        is_replay: bool,
        close_after: float,
        monotonic: float,
    ) -> None:
        self.targets, self.hours, self.doubts = targets, hours, doubts
        self._outlets, self._close_after = outlets, int(close_after * SECOND)
        self.clock, self.counts = GatewayClock(), Counts()
        self.is_replay = is_replay
        self.closed_until: int | None = None
        self.replay_from: int | None = None
        self.last_bar: int | None = None
        self.progressed_at = monotonic
        self._open: dict[int, dict[tuple[int, int, int], LiveBar]] = defaultdict(dict)
        self._ready: dict[tuple[int, int, int], LiveBar] = {}
        self._ready_since = monotonic
        self._known: dict[tuple[int, int, int], bytes] = {}
        self._early: list[LiveBar] = []
        self._faulty: set[int] = set()
        self._is_current_faulty = False
        self._instruments: dict[int, set[int]] = defaultdict(set)  # with a bar, by minute
        self._caught_up_at: float | None = None
        self._holes = HoleFinder()

    # --- What arrives ---

    def add_bar(self, bar: LiveBar, monotonic: float) -> None:
        """A bar of any schema arrived."""
        self.progressed_at = monotonic
        now = self.clock.get_time(monotonic)
        fault = find_fault(bar, now)
        if not fault and not self.targets.is_mapped(bar.instrument_id):
            fault = f"is of instrument {bar.instrument_id}, which no subscribed symbol has"
        if fault:
            self._refuse(bar, fault)
        elif now is not None and bar.minute > now + _FUTURE:
            self._early.append(bar)  # the gateway's time is only known from the messages that follow
        elif self.targets.is_wanted(bar):
            self._keep(bar, monotonic)

    def add_interval(self, end: int, monotonic: float) -> None:
        """The gateway sent all bars of minutes that end at `end` or before."""
        now = self.clock.get_time(monotonic)
        if end % MINUTE or (now is not None and end > now + _MAX_JUMP):
            return
        self.progressed_at = monotonic
        self.clock.state_past(end, monotonic)
        self._check_early(monotonic)
        minute = end - MINUTE
        if self.closed_until is not None and self.closed_until < minute:
            for skipped in self.hours.list_minutes(self.closed_until, minute):
                self.doubts.add(skipped)
        self._move_to_ready(minute, monotonic)
        self._prove(minute)
        self.replay_from = min(minute, self.replay_from if self.replay_from is not None else minute)
        if not self.is_replay or self._is_replay_batch_full():
            self.flush()
        self.closed_until = max(end, self.closed_until or 0)  # not before: the spool may refuse the bars

    def add_time(self, now: int, monotonic: float) -> None:
        """The gateway stated its own time."""
        self.clock.state_now(now, monotonic)
        self._check_early(monotonic)

    def end_replay(self, now: int, monotonic: float) -> None:
        """The gateway sent everything that it had until now. Without intervals this closes the minutes."""
        self.add_time(now, monotonic)
        self.progressed_at = monotonic
        if self.closed_until is None and self._open:
            self.replay_from = min(self._open)
            closed_until = now // MINUTE * MINUTE
            self._move_to_ready(closed_until - MINUTE, monotonic)
            self.flush()
            self.closed_until = closed_until
        self.flush()
        self.is_replay = False

    def report_skipped(self, monotonic: float) -> None:
        """The gateway left out bars, of which minutes is not known: of the last hour at most."""
        self._is_current_faulty = True
        now = self.clock.get_time(monotonic)
        if now is not None:
            current = now // MINUTE * MINUTE
            for minute in self.hours.list_minutes(current - _MAX_SKIPPED, current):
                self._doubt(minute)

    def check_time(self, monotonic: float) -> None:
        """Close minutes by the gateway's time. To be called several times a second."""
        now = self.clock.get_time(monotonic)
        if now is not None and not self.is_replay:
            due = [minute for minute in self._open if minute + MINUTE + self._close_after <= now]
            if due:
                self._move_to_ready(max(due), monotonic)
                self.flush()
        if self._ready and monotonic - self._ready_since >= _MAX_WAIT:
            self.flush()
        if self.is_replay and now is not None and (self.closed_until or 0) >= now - 2 * MINUTE:
            self._caught_up_at = monotonic if self._caught_up_at is None else self._caught_up_at
            if monotonic - self._caught_up_at >= _CATCH_UP:
                self.end_replay(now, monotonic)

    def finish(self, monotonic: float) -> None:
        """The session ends: bars of minutes that are not closed are complete too, and are emitted."""
        self._early.clear()
        if self._open:
            self._move_to_ready(max(self._open), monotonic)
        self.flush()

    def flush(self) -> None:
        """Emit the bars of closed minutes."""
        if self._ready:
            bars = sorted(self._ready.values(), key=lambda bar: bar.key)
            self._ready.clear()
            self._outlets.emit(bars, self.is_replay)

    def refuse(self, raw: bytes, reason: str) -> None:
        """A record that is no bar and no message."""
        self.counts.quarantined += 1
        self._is_current_faulty = True
        self._outlets.quarantine(raw, reason)

    # --- Bars ---

    def _keep(self, bar: LiveBar, monotonic: float) -> None:
        self.counts.bars += 1
        self.last_bar = max(bar.minute, self.last_bar or 0)
        known = self._known.get(bar.key)
        if known is not None:
            self.counts.repeated += 1
            if known == bar.raw:
                return
            self._emit_earlier_value(bar, monotonic)
            self._doubt(bar.minute)  # which of the values is right, the next session shows
        self._remember(bar)
        is_late = self.closed_until is not None and bar.minute < self.closed_until
        if is_late and not self.is_replay:
            self.counts.late += known is None
            self.flush()
            self._add_ready(bar, monotonic)
            self.flush()
        elif is_late:
            self._add_ready(bar, monotonic)
        else:
            self._open[bar.minute][bar.key] = bar

    def _emit_earlier_value(self, bar: LiveBar, monotonic: float) -> None:
        if bar.key in self._open.get(bar.minute, {}):
            for one in self._open.pop(bar.minute).values():
                self._add_ready(one, monotonic)
        self.flush()

    def _remember(self, bar: LiveBar) -> None:
        self._known.pop(bar.key, None)
        self._known[bar.key] = bar.raw
        if len(self._known) > _MAX_KNOWN:
            del self._known[next(iter(self._known))]
        self._instruments[bar.minute].add(bar.instrument_id)
        if len(self._instruments) > _MAX_MINUTES:
            del self._instruments[next(iter(self._instruments))]

    def _add_ready(self, bar: LiveBar, monotonic: float) -> None:
        if not self._ready:
            self._ready_since = monotonic
        self._ready[bar.key] = bar

    def _move_to_ready(self, last: int, monotonic: float) -> None:
        """The minutes up to `last`, which is included."""
        for minute in sorted(minute for minute in self._open if minute <= last):
            for bar in self._open.pop(minute).values():
                self._add_ready(bar, monotonic)

    def _is_replay_batch_full(self) -> bool:
        if not self._ready:
            return False
        minutes = [key[0] for key in (next(iter(self._ready)), next(reversed(self._ready)))]
        return len(self._ready) >= MAX_REPLAY_ROWS or minutes[1] - minutes[0] >= MAX_REPLAY_MINUTES * MINUTE

    def _check_early(self, monotonic: float) -> None:
        now = self.clock.get_time(monotonic)
        early, self._early = self._early, []
        for bar in early:
            if now is not None and bar.minute > now + _FUTURE:
                self._refuse(bar, "is of a minute that has not begun by the gateway's time")
            elif self.targets.is_wanted(bar):
                self._keep(bar, monotonic)

    # --- Doubts ---

    def _refuse(self, bar: LiveBar, fault: str) -> None:
        """Its minute is requested again; if that is not known, the one that the gateway closes next."""
        self.counts.quarantined += 1
        minute = bar.minute // MINUTE * MINUTE
        now = self.clock.stated
        if now is None or not now - 24 * 60 * MINUTE <= minute <= now + _FUTURE:
            self._is_current_faulty = True
        else:
            self._doubt(minute)
        self._outlets.quarantine(bar.raw, f"The record {fault}.")

    def _doubt(self, minute: int) -> None:
        self._faulty.add(minute)
        self.doubts.add(minute)

    def _prove(self, minute: int) -> None:
        if self._is_current_faulty:
            self._doubt(minute)
            self._is_current_faulty = False
        if minute not in self._faulty:
            self.doubts.resolve(minute)
        if self.hours.find_open(minute) is None:
            return
        for instrument in self.targets.list_single_instruments(minute):
            had_bar = instrument in self._instruments.get(minute, ())
            lacking = self._holes.add(instrument, minute, had_bar, is_replay=self.is_replay)
            self._faulty.update(one for one in lacking if self.doubts.add_hole(instrument, one))
