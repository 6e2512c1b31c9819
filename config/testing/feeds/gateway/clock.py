"""The clock of the market."""

from __future__ import annotations

import time

from ..times import SECOND, When, to_ns


class Clock:
    """The market's time (ns). It starts `back_s` seconds ago, or at `start`, and runs at `speed`: a project that reads
    the real clock then sees data of the recent past, and the gateway's replay of 24 hours has data."""

    def __init__(self, *, start: When | None = None, back_s: float = 0.0, speed: float = 1.0) -> None:
        self.start = time.time_ns() - int(back_s * SECOND) if start is None else to_ns(start)
        self.speed = speed
        self._began = time.monotonic()

    def __call__(self) -> int:
        return self.start + int((time.monotonic() - self._began) * self.speed * SECOND)

    def seconds_until(self, when: int) -> float:
        """Real seconds until a time of the market."""
        return max(0.0, (when - self()) / SECOND / self.speed)

    def jump(self, seconds: float) -> None:
        self.start += int(seconds * SECOND)
