"""Finds minutes that an instrument should have had: it has bars in nearly every minute, and suddenly none."""

from __future__ import annotations

from collections import deque

_REMEMBERED = 60  # minutes
_MIN_BARS = 54  # of them, for an instrument that trades in nearly every minute
# One minute without a trade is usual, three in a row are not. One is enough if all that are remembered had a bar.
_MIN_LACKING = 3
_MAX_LACKING = 10


class HoleFinder:
    """Follows the open minutes that the gateway closes, in order."""

    def __init__(self) -> None:
        self._had_bar: dict[int, deque[bool]] = {}
        self._lacking: dict[int, list[int]] = {}

    def add(self, instrument_id: int, minute: int, had_bar: bool, *, is_replay: bool = False) -> list[int]:
        """A minute was closed with or without a bar of the instrument. Returns the minutes that are now in doubt.

        In a replay, one minute alone is not: a day has some without a trade, and it would be replayed again.
        """
        had = self._had_bar.setdefault(instrument_id, deque(maxlen=_REMEMBERED))
        lacking = self._lacking.setdefault(instrument_id, [])
        if had_bar:
            had.extend([False] * len(lacking))
            had.append(True)
            lacking.clear()
            return []
        lacking.append(minute)
        least = 1 if sum(had) == _REMEMBERED and not is_replay else _MIN_LACKING
        if sum(had) < _MIN_BARS or not least <= len(lacking) <= _MAX_LACKING:
            return []
        return lacking if len(lacking) == least else lacking[-1:]
