"""A receiver without a database, against the gateway, and what it spooled."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from config.testing.feeds.contracts import get_raw_symbol
from config.testing.feeds.live import FakeLive
from config.testing.feeds.times import DAY, MINUTE, to_day
from config.testing.processes import scale_limit
from ingestion.dbn.header import PREFIX_SIZE
from ingestion.dbn.layout import OHLCV
from ingestion.dbn.metadata import DbnMetadata, decode_metadata
from ingestion.feeds.live.messages import (
    Event,
    PlanRequested,
    SessionEnded,
    SessionPlan,
    SessionProgress,
    SessionStarted,
    Subscription,
)
from ingestion.feeds.live.options import LiveOptions
from ingestion.feeds.live.receiver import Receiver
from ingestion.feeds.live.spool import list_batches, list_quarantined

CONTINUOUS = ("MNQ.c.0", "ES.c.0")
HOUR = 60 * MINUTE

Bars = dict[tuple[int, int], bytes]


def read_batch(path: Path) -> tuple[DbnMetadata, np.ndarray]:
    """The metadata and the records of a file of the spool."""
    content = path.read_bytes()
    length = PREFIX_SIZE + int.from_bytes(content[4:PREFIX_SIZE], "little")
    return decode_metadata(path, content[3], content[:length]), np.frombuffer(content[length:], OHLCV)


def read_spool(folder: Path) -> Bars:
    """Instrument and minute of all spooled bars, each with its last value."""
    bars: Bars = {}
    for batch in list_batches(folder):
        for record in read_batch(batch.path)[1]:
            bars[int(record["instrument_id"]), int(record["ts_event"])] = record.tobytes()
    return bars


def list_hours(gateway: FakeLive, start: int, end: int) -> tuple[tuple[int, int], ...]:
    """The open hours of the gateway's market."""
    minutes = gateway.market.open_minutes(start, end)
    breaks = np.flatnonzero(np.diff(minutes) != MINUTE) + 1
    return tuple((int(part[0]), int(part[-1]) + MINUTE) for part in np.split(minutes, breaks) if len(part))


@dataclass
class Scene:
    """A receiver of `symbols`, which asks for everything from `start` on."""

    gateway: FakeLive
    folder: Path
    options: LiveOptions
    symbols: tuple[str, ...] = CONTINUOUS
    back: int = 2 * HOUR
    events: list[Event] = field(default_factory=list)
    start: int = 0
    plan: Callable[[PlanRequested], SessionPlan] | None = None

    def __post_init__(self) -> None:
        now = self.gateway.clock()
        self.start = (now - self.back) // MINUTE * MINUTE
        day = to_day(now)
        resolved = [
            self.gateway.market.resolve(symbol, "continuous", day, to_day(now + DAY)) for symbol in self.symbols
        ]
        self.instruments = [found[0][2] for found in resolved]
        self.hours = list_hours(self.gateway, self.start - DAY, self.start + 10 * DAY)
        self._queue: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def make_plan(self, **changes: Any) -> SessionPlan:
        subscriptions = tuple(
            Subscription(
                number, f"CME_MINI:{symbol.partition('.')[0]}1!", symbol, "continuous", get_raw_symbol(instrument),
                "raw_symbol", self.start,
            )
            for number, (symbol, instrument) in enumerate(zip(self.symbols, self.instruments, strict=True))
        )  # fmt: skip
        return SessionPlan(
            **({"dataset": "GLBX.MDP3", "subscriptions": subscriptions, "open_hours": self.hours} | changes)
        )

    @contextmanager
    def receive(self) -> Iterator[Receiver]:
        """While the block runs. After it, all sessions are closed at the gateway too."""
        receiver = Receiver(datasets=["GLBX.MDP3"], events=self._queue, folder=self.folder, options=self.options)
        is_over = threading.Event()
        answering = threading.Thread(target=self._answer, args=(is_over,), daemon=True)
        answering.start()
        receiver.start()
        try:
            yield receiver
        finally:
            assert receiver.stop(1.0)
            is_over.set()
            answering.join()
            self.wait(lambda: not self.gateway.open_sessions, 2)

    def _answer(self, is_over: threading.Event) -> None:
        while not is_over.is_set() or not self._queue.empty():
            try:
                event = self._queue.get(timeout=0.05)
            except queue.Empty:
                continue
            self.events.append(event)
            if isinstance(event, PlanRequested) and not event.plan.cancelled():
                self._fill(event)

    def _fill(self, event: PlanRequested) -> None:
        try:
            plan = self.plan(event) if self.plan else self.make_plan()
        except Exception as error:
            event.plan.set_exception(error)
            return
        event.plan.set_result(plan)

    def wait(self, condition: Callable[[], object], seconds: float = 15) -> None:
        """Until the condition holds. At most one session is open meanwhile."""
        until = time.monotonic() + scale_limit(seconds)
        while not condition():
            assert len(self.gateway.open_sessions) <= 1, "more than one session is open"
            assert time.monotonic() < until, (
                f"waited {seconds} s in vain: {[str(one)[:150] for one in self.events[-8:]]}"
            )
            time.sleep(0.02)

    def list_events(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def ends(self) -> list[str]:
        """Why the sessions ended so far."""
        return [event.why for event in self.list_events(SessionEnded)]

    @property
    def closed_until(self) -> int:
        return max((event.closed_until_ns or 0 for event in self.list_events(SessionProgress)), default=0)

    def wait_for_minutes(self, count: int, seconds: float = 15) -> None:
        """Until so many more minutes are closed by the session that is open."""
        sessions, until = len(self.list_events(SessionStarted)), max(self.closed_until, self.gateway.clock())
        self.wait(lambda: self.closed_until >= until + count * MINUTE, seconds)
        assert len(self.list_events(SessionStarted)) >= sessions

    def check(self, *, quarantined: int = 0) -> None:
        """All bars up to the last closed minute are spooled as the market has them, and nothing else is."""
        end = self.closed_until
        assert end > self.start
        wanted: Bars = {}
        for instrument in self.instruments:
            for record in self.gateway.market.list_bars(instrument, self.start, end):
                wanted[instrument, int(record["ts_event"])] = record.tobytes()
        spooled = {key: value for key, value in read_spool(self.folder).items() if key[1] < end}
        assert spooled.keys() == wanted.keys()
        assert spooled == wanted
        assert len(list_quarantined(self.folder)) == quarantined
        assert not list(self.folder.rglob("*.part"))
        assert all(session.starts and all(session.starts) for session in self.gateway.sessions if session.started)
