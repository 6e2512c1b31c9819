"""The gateway's time. Records are compared with it, since this machine's clock may be wrong by hours."""

from __future__ import annotations

SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

_LATEST = 2**63  # 2262: later times are undefined


class GatewayClock:
    """The newest time that the gateway stated (ns), and how far this machine's monotonic clock has run since.

    `monotonic` is in seconds. `is_now`: whether what was stated was the time then, not that of something replayed.
    """

    def __init__(self) -> None:
        self.stated: int | None = None
        self.is_now = False
        self._at = 0.0

    def state_now(self, ns: int, monotonic: float) -> None:
        """The gateway stated its own time, as in a heartbeat. A clock that was set back is believed."""
        if 0 < ns < _LATEST:
            self.stated, self._at, self.is_now = ns, monotonic, True

    def state_past(self, ns: int, monotonic: float) -> None:
        """The gateway stated something that is over, such as the end of an interval."""
        now = self.get_time(monotonic)
        if 0 < ns < _LATEST and (now is None or ns > now):
            self.stated, self._at = ns, monotonic

    def get_time(self, monotonic: float) -> int | None:
        """The gateway's time now, None if it has stated none."""
        if self.stated is None:
            return None
        return self.stated + int((monotonic - self._at) * SECOND)
