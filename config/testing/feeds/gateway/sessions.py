"""What a session of the live gateway asked and was sent, and which fault it meets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

AT_CONNECT = {
    *("no_greeting", "close_at_once", "rst_at_once", "refuse_auth", "no_auth_answer", "close_at_auth"),
    *("silent_start", "metadata_only"),
}
BETWEEN_BARS = {"eof", "rst", "silence", "no_bars", "error", "error_no_close", "clock_jump"}


class SessionEnded(Exception):
    """The connection ends; the message is the reason."""


@dataclass
class Session:
    """A connection. `auth` and `subs` are the fields that the client sent; `sent` has the instrument and time (ns) of
    each bar in the order of sending; `late` waits for the next bar; minutes before `lost_until` (ns) are not sent.
    `closed`: when each interval that ends then (ns) was closed, in seconds since 1970."""

    n: int
    at: float
    auth: dict[str, str] = field(default_factory=dict)
    subs: list[dict[str, str]] = field(default_factory=list)
    started: bool = False
    bars: int = 0
    heartbeats: int = 0
    sent: list[tuple[int, int]] = field(default_factory=list)
    late: list[np.ndarray] = field(default_factory=list, repr=False)
    closed: dict[int, float] = field(default_factory=dict, repr=False)
    lost_until: int = 0
    ended: str = ""
    open: bool = True

    @property
    def starts(self) -> list[int | None]:
        """For each subscription, from when (ns) it asked for a replay, or None."""
        return [int(sub["start"]) if sub.get("start") else None for sub in self.subs]


@dataclass
class LiveFault:
    """A fault of the session with number `session` (None: of the first that comes), once it has sent `after` bars."""

    kind: str
    after: int = 0
    session: int | None = None
    times: int = 1
    options: dict[str, Any] = field(default_factory=dict)

    def meets(self, session: Session, kinds: set[str]) -> bool:
        """Whether it happens now: `kinds` are those possible at this point; none given means at a bar."""
        possible = self.kind in kinds if kinds else self.kind not in AT_CONNECT
        return self.times > 0 and possible and self.session in (None, session.n) and session.bars >= self.after
