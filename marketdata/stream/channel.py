"""The clients of one topic, and what they get when runs have changed something."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from marketdata.bars.stats import get_first_and_last
from marketdata.models import Series
from marketdata.stream.events import Event, build_resync, build_snapshot, build_state, write_events
from marketdata.stream.position import Position
from marketdata.stream.query import TooManyChanges
from marketdata.stream.rows import BARS, Topic, build_changes, find_close, read_last_rows
from marketdata.stream.subscription import Subscription

_FORMING_WITHIN = timedelta(days=14)
# The first client may have read its snapshot so long before the thread looks.
_OPENED_WITHIN = timedelta(minutes=1)
_VOLATILE = {"now", "last_bar", "lag_ms"}
_STATE_MARGIN = 1.0  # seconds


class Channel:
    """Each method that sends returns those that have something to read now. Only the hub's thread calls them."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.subscriptions: set[Subscription] = set()
        self._forming: tuple[float, datetime] | None = None  # when the newest candle is closed, and a minute of it
        self._is_prepared = False
        self._state: object = None
        self._state_at = 0.0

    def follow_series(self, series: Series) -> bool:
        """Use the series as it is now. Returns whether the rows that clients have may no longer be its rows, though no
        run has changed them."""
        before, self.topic = self.topic, self.topic._replace(series=series)
        return self.topic.depends_on_calendar and before.series.calendar != series.calendar

    def send_changes(
        self, changes: Mapping[datetime, bool], state: Mapping[str, object], before: Position, after: Position
    ) -> list[Subscription]:
        """`changes`: the minutes, and whether one had a bar before."""
        now = datetime.now(UTC)
        try:
            events = build_changes(self.topic, changes, now=now)
        except TooManyChanges as reason:
            return self.send_snapshot(str(reason), state, before, after)
        if changes:
            self._follow(max(changes), now)
        return self._put(events, before, after, self.subscriptions)

    def send_snapshot(
        self, reason: str, state: Mapping[str, object], before: Position, after: Position
    ) -> list[Subscription]:
        """The reason, and the last rows as they are now: as many as each client wants."""
        now, woken = datetime.now(UTC), []
        for limit in {one.limit for one in self.subscriptions}:
            rows = read_last_rows(self.topic, limit, now=now)
            events = [build_resync(reason), build_snapshot(self.topic.describe(), rows, state)]
            woken += self._put(events, before, after, {one for one in self.subscriptions if one.limit == limit})
        self._is_prepared, self._forming = False, None
        return woken

    def send_state(self, state: Mapping[str, object], position: Position) -> list[Subscription]:
        return self._put([build_state(state)], position, position, self.subscriptions)

    def is_state_due(self, state: Mapping[str, object], seconds: float) -> bool:
        """Whether it differs from the state that was sent, or that was so long ago. Clocks and ages always differ."""
        now, known = time.monotonic(), [value for name, value in state.items() if name not in _VOLATILE]
        if known == self._state and now - self._state_at < seconds - _STATE_MARGIN:
            return False
        self._state, self._state_at = known, now
        return True

    def find_closed(self) -> dict[datetime, bool]:
        """A minute of the candle that is no longer forming, as a change; nothing while it is. The same one is found
        until `forget_closed`."""
        now = datetime.now(UTC)
        if not self._is_prepared:
            bounds = get_first_and_last(self.topic.series)
            if bounds and bounds[1] > now - _FORMING_WITHIN:
                self._follow(bounds[1], now - _OPENED_WITHIN)
            self._is_prepared = True
        if self._forming is None or self._forming[0] > now.timestamp():
            return {}
        return {self._forming[1]: False}

    def forget_closed(self, closed: Collection[datetime]) -> None:
        """All clients have the candles of these minutes."""
        if self._forming is not None and self._forming[1] in closed:
            self._forming = None

    @property
    def closes_at(self) -> float | None:
        """When a candle is no longer forming, in seconds since 1970; 0 if that is not known yet."""
        if not self._is_prepared:
            return 0
        return None if self._forming is None else self._forming[0]

    def _follow(self, minute: datetime, now: datetime) -> None:
        if self.topic.timeframe == BARS or (self._forming is not None and minute < self._forming[1]):
            return
        closes = find_close(self.topic, minute)
        if closes > now.timestamp():
            self._forming = closes, minute

    def _put(
        self, events: list[Event], before: Position, after: Position, subscriptions: Iterable[Subscription]
    ) -> list[Subscription]:
        if not events:
            return []
        frame, woken = write_events(events, before=before, after=after), list(subscriptions)
        for one in woken:
            one.put(frame)
        return woken
