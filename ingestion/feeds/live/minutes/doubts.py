"""Minutes that are not proven, and so requested again by a new session. They outlive a session."""

from __future__ import annotations

MAX_TRIES = 3


class Doubts:
    """A minute is in doubt until a session closes it without a fault. After `MAX_TRIES` sessions that requested it
    again, it is left to history."""

    def __init__(self) -> None:
        self._tries: dict[int, int] = {}
        self._holes: set[tuple[int, int]] = set()
        self._requested: set[int] = set()  # by the current session

    def add(self, minute: int) -> None:
        """A record of the minute was refused, or the gateway did not close it."""
        self._tries.setdefault(minute, 0)

    def add_hole(self, instrument_id: int, minute: int) -> bool:
        """The gateway closed the minute without a bar that is expected. Whether that is new: a second session without
        it shows that there was no trade."""
        if (instrument_id, minute) in self._holes:
            return False
        self._holes.add((instrument_id, minute))
        self.add(minute)
        return True

    def resolve(self, minute: int) -> None:
        """The gateway closed the minute, and all its records were valid."""
        self._tries.pop(minute, None)

    def begin_session(self, start: int) -> None:
        """A session begins that requests everything from `start` on."""
        self._requested = {minute for minute in self._tries if minute >= start}

    def count_tries(self, closed_until: int) -> None:
        """The session's gateway closed all minutes before: those that it was to prove and did not have one try more.
        A session that ends before proves nothing, so it is no try."""
        counted = {minute for minute in self._requested if minute < closed_until}
        self._requested -= counted
        for minute in counted & self._tries.keys():
            self._tries[minute] += 1

    def forget_before(self, start: int) -> None:
        """The gateway does not replay these minutes any more, so they stay as they are."""
        for minute in [minute for minute in self._tries if minute < start]:
            del self._tries[minute]
        self._holes = {hole for hole in self._holes if hole[1] >= start}

    def list_wanted(self) -> list[int]:
        """The minutes to request again."""
        return sorted(minute for minute, tries in self._tries.items() if tries < MAX_TRIES)

    def list_all(self, start: int, end: int) -> tuple[int, ...]:
        """The minutes of [start, end) that are not proven."""
        return tuple(sorted(minute for minute in self._tries if start <= minute < end))
