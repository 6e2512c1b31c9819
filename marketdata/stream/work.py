"""What the hub's thread does: it waits, reads what has changed, and puts events into the queues of clients."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from marketdata.calendars.exchange import UnknownCalendar
from marketdata.live.query import read_series_states
from marketdata.models import Series
from marketdata.sources.errors import ArchivedBarsUnreadable
from marketdata.stream.access import find_ended
from marketdata.stream.channel import Channel
from marketdata.stream.confirmed import Confirmations, ConfirmedDay, find_all_changes
from marketdata.stream.listener import Listener, Notices
from marketdata.stream.news import News
from marketdata.stream.position import FinishedRun, Position
from marketdata.stream.query import CALENDAR, LOADED, TooManyChanges
from marketdata.stream.subscription import Subscription, wake_all

LOOK_SECONDS = 5.0  # if there are notifications
LOOK_SECONDS_WITHOUT = 1.0
STATE_SECONDS = 5.0
ACCESS_SECONDS = 30.0
IDLE_SECONDS = 5.0
RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
_QUERY_CANCELED = "57014"

# Minutes with whether one had a bar before, or why they are too many.
Changes = Mapping[datetime, bool] | str

logger = logging.getLogger(__name__)


class Work:
    """`list_channels` returns the channels that have clients. `set_ready` is called as soon as nothing is lost."""

    def __init__(
        self, listener: Listener, list_channels: Callable[[], list[Channel]], set_ready: Callable[[], None]
    ) -> None:
        self._listener, self._list_channels, self._set_ready = listener, list_channels, set_ready
        self._news: News | None = None
        self._confirmations = Confirmations()
        self._states: dict[int, dict[str, object]] = {}
        self._failures = 0
        self._next_state = self._next_access = 0.0

    def run(self, may_end: Callable[[float], bool]) -> None:
        """Until `may_end`, which gets the seconds since there was a client."""
        busy_at = time.monotonic()
        while not may_end(time.monotonic() - busy_at):
            if self._list_channels():
                busy_at = time.monotonic()
            try:
                self._step()
                self._failures = 0
            except (DatabaseError, InterfaceError) as error:
                self._wait_after(error)
            except Exception:
                logger.exception("Streams end, since their events could not be made. Their clients connect again.")
                self._end(one for channel in self._list_channels() for one in channel.subscriptions)
                self._listener.sleep(1)

    def _wait_after(self, error: Exception) -> None:
        """The position stays: with another connection the hub goes on where it was."""
        logger.warning("The streams have no database: %s", str(error).strip().partition("\n")[0])
        self._listener.disconnect()
        seconds = RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS) - 1)]
        self._failures += 1
        self._listener.sleep(seconds)

    def _step(self) -> None:
        if connection.connection is None:
            self._listener.connect()
        if self._news is None:
            self._news = News()
        self._set_ready()
        notices = self._listener.wait(self._find_wait())
        channels, now = self._list_channels(), time.monotonic()
        if notices.datasets or now >= self._next_state or self._has_new(channels):
            self._next_state = now + STATE_SECONDS
            self._refresh(channels)
        self._send_news(self._news, notices)
        if now >= self._next_access:
            self._next_access = now + ACCESS_SECONDS
            self._end_refused(channels)

    def _find_wait(self) -> float:
        channels = self._list_channels()
        if not channels:
            return IDLE_SECONDS
        now, clock = time.monotonic(), time.time()
        look = LOOK_SECONDS if self._listener.is_listening else LOOK_SECONDS_WITHOUT
        closes = [channel.closes_at - clock for channel in channels if channel.closes_at is not None]
        return min(look, self._next_state - now, self._next_access - now, *closes)

    def _has_new(self, channels: Iterable[Channel]) -> bool:
        return any(channel.topic.series.pk not in self._states for channel in channels)

    def _refresh(self, channels: Sequence[Channel]) -> None:
        """Read the series again, and send the states of their feeds. The streams of a deleted series end."""
        series = Series.objects.in_bulk({channel.topic.series.pk for channel in channels})
        every = list(series.values())
        self._states = {one.pk: state.to_json() for one, state in zip(every, read_series_states(every), strict=True)}
        position = self._get_news().position
        for channel in channels:
            number = channel.topic.series.pk
            if number not in series:
                self._end(channel.subscriptions)
                continue
            is_changed = channel.follow_series(series[number])
            if is_changed:
                self._send(channel, CALENDAR, position, position)
            if channel.is_state_due(self._states[number], settings.STREAM_HEARTBEAT_SECONDS):
                wake_all(channel.send_state(self._states[number], position))

    def _get_news(self) -> News:
        assert self._news is not None
        return self._news

    def _send_news(self, news: News, notices: Notices) -> None:
        runs, after, is_complete = news.read(notices.runs)
        days = self._confirmations.read({one.topic.series.pk for one in self._list_channels()}, news.position)
        found: dict[str, Changes] = {}
        # Listed after the read: a client that has subscribed since reads these changes from the database.
        for channel in self._list_channels():
            series = channel.topic.series
            if series.symbol not in found:
                own = [day for day in days if day.series_id == series.pk]
                found[series.symbol] = _find(series.symbol, runs, own) if is_complete else LOADED
            self._send(channel, found[series.symbol], news.position, after)
        news.accept(runs, after)
        self._confirmations.accept(days)

    def _send(self, channel: Channel, changes: Changes, before: Position, after: Position) -> None:
        state = self._states.get(channel.topic.series.pk)
        if state is None:  # the series has been deleted
            return
        try:
            if isinstance(changes, str):
                wake_all(channel.send_snapshot(changes, state, before, after))
            else:
                closed = channel.find_closed()
                wake_all(channel.send_changes({**closed, **changes}, state, before, after))
                channel.forget_closed(closed)
        except (UnknownCalendar, ArchivedBarsUnreadable):  # the next request of the client gets the sentence
            self._end(channel.subscriptions)

    def _end_refused(self, channels: Sequence[Channel]) -> None:
        subscriptions = [one for channel in channels for one in channel.subscriptions]
        ended = find_ended(one.access for one in subscriptions)
        self._end(one for one in subscriptions if one.access in ended)

    def _end(self, subscriptions: Iterable[Subscription]) -> None:
        ended = list(subscriptions)
        for one in ended:
            one.end()
        wake_all(ended)


def _find(symbol: str, runs: Sequence[FinishedRun], days: Sequence[ConfirmedDay]) -> Changes:
    try:
        return find_all_changes(symbol, runs, days)
    except TooManyChanges as reason:
        return str(reason)
    except ArchivedBarsUnreadable:
        return LOADED
    except OperationalError as error:
        if getattr(error.__cause__, "pgcode", None) == _QUERY_CANCELED:  # it takes too long
            return LOADED
        raise
