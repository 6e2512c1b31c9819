"""What the receiver and the main thread send each other. No database, no vendor's client.

All times named `…_ns` are nanoseconds since 1970 UTC; minutes are the times at which they start. `at` is this machine's
time. Events of one session have the same `key`, which also starts the names of its files (see `spool`).
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

Minutes = tuple[int, int]
"""Half-open, ns."""


@dataclass(frozen=True)
class Subscription:
    """What a session subscribes to for a series.

    `series_id`, `symbol`, `feed_symbol` and `feed_stype` are those of the series; `vendor_symbol` and `stype` are what
    is subscribed: for a continuous series the raw symbol of its contract, otherwise the same. `start_ns`: the replay
    that is asked for; None: only from now on. Bars before `from_ns`, and from `end_ns` on, belong to another contract
    of the series and are ignored; None: no such bound.
    """

    series_id: int
    symbol: str
    feed_symbol: str
    feed_stype: str
    vendor_symbol: str
    stype: str
    start_ns: int | None = None
    from_ns: int | None = None
    end_ns: int | None = None


@dataclass(frozen=True)
class SessionPlan:
    """What the next session of a dataset asks for.

    `open_hours`: when the exchange is open, in time order, from the earliest start to some weeks from now. A minute
    outside is not expected to have bars or an end. `replan_at_ns`: when a series rolls, so that a new session with a
    new plan follows; None: never. `unproven`: minutes that earlier sessions stored and did not prove; only the first
    plan of a process needs them.
    """

    dataset: str
    subscriptions: tuple[Subscription, ...]
    open_hours: tuple[Minutes, ...]
    replan_at_ns: int | None = None
    unproven: tuple[int, ...] = ()

    @property
    def asked_start_ns(self) -> int | None:
        """The earliest start, None if no subscription has one."""
        return min((one.start_ns for one in self.subscriptions if one.start_ns is not None), default=None)


@dataclass(frozen=True)
class PlanRequested:
    """The receiver waits for a plan, for a session to begin now: put it, or the error, into `plan`.

    If none comes within a few seconds, it repeats the last one with later starts. A `FeedRefused` stops the dataset;
    after another `IngestError` a plan is requested again. `gateway_time_ns`: the gateway's time now, by what an earlier
    session learned; None: this machine's clock is all that is known.
    """

    dataset: str
    gateway_time_ns: int | None = None
    plan: Future[SessionPlan] = field(default_factory=Future, compare=False)


@dataclass(frozen=True)
class SessionStarted:
    """A connection is begun. `at` is unique to the session, to the microsecond."""

    dataset: str
    key: str
    plan: SessionPlan
    gateway: str
    at: datetime


@dataclass(frozen=True)
class SessionAccepted:
    """The gateway accepted the key. `gateway_session` is its name of the session."""

    key: str
    gateway_session: str
    at: datetime


@dataclass(frozen=True)
class SessionProgress:
    """What a session has received so far, every second or two and before its end.

    All bars of minutes in [`replay_from_ns`, `closed_until_ns`) arrived and are in batches spooled before, except the
    minutes of `unproven`. Of a subscription, only minutes from its own start on, and none if the gateway did not
    resolve its symbol (`unresolved`). `gateway_time_ns`: the newest time that the gateway stated. `last_byte_at`: when
    bytes arrived. Counts are those of the whole session.
    """

    key: str
    bars: int = 0
    repeated: int = 0
    late: int = 0
    quarantined: int = 0
    closed_until_ns: int | None = None
    replay_from_ns: int | None = None
    replayed_at: datetime | None = None
    last_bar_ns: int | None = None
    last_byte_at: datetime | None = None
    gateway_time_ns: int | None = None
    unproven: tuple[int, ...] = ()
    unresolved: tuple[str, ...] = ()


@dataclass(frozen=True)
class BatchSpooled:
    """A file of closed minutes is on the disk, complete. `first_ns` and `last_ns` are minutes of its bars.
    `arrived_at`: when its last minute was closed."""

    dataset: str
    key: str
    path: Path
    rows: int
    first_ns: int
    last_ns: int
    arrived_at: datetime
    is_replay: bool


@dataclass(frozen=True)
class RecordQuarantined:
    """A record that cannot be stored is in a file of its own. `reason` is a sentence."""

    dataset: str
    key: str
    path: Path
    reason: str


@dataclass(frozen=True)
class SessionEnded:
    """`why` is a `FeedSession.End`. The connection is closed, and everything that was closed is spooled."""

    key: str
    why: str
    sentence: str
    at: datetime


@dataclass(frozen=True)
class StateChanged:
    """`state` is a `FeedStatus.State`; `reason` a sentence, empty if there is nothing to explain."""

    dataset: str
    state: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class FeedStopped:
    """No session of the dataset follows. `error` is for the user: a `FeedRefused`, or a failure of the program."""

    dataset: str
    error: Exception


Event = (
    PlanRequested
    | SessionStarted
    | SessionAccepted
    | SessionProgress
    | BatchSpooled
    | RecordQuarantined
    | SessionEnded
    | StateChanged
    | FeedStopped
)
