"""The hub of a process: one thread that reads what each run has changed, once for all clients.

No event is lost: the hub reads all runs that finished after its position, whatever has been notified, so after it has
lost its connection it goes on where it was. A notification only lets it look at once.
"""

from __future__ import annotations

import threading
from collections import Counter

from django.conf import settings

from marketdata.stream.access import Access
from marketdata.stream.channel import Channel
from marketdata.stream.listener import Listener
from marketdata.stream.rows import Topic
from marketdata.stream.subscription import Subscription, wake_all
from marketdata.stream.work import Work

LINGER_SECONDS = 30.0
READY_SECONDS = 10.0


class TooManyStreams(Exception):
    """The process, or the account, has as many streams as it may have."""


class HubUnavailable(Exception):
    """The hub could not read its position: the database does not respond."""


class Hub:
    """Clients subscribe from any thread. The hub's thread runs while there are clients, and a little longer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._channels: dict[tuple[int, str, str], Channel] = {}
        self._places: Counter[int] = Counter()  # by account
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._listener: Listener | None = None
        self._closing = False

    @property
    def stream_count(self) -> int:
        """How many streams are open."""
        return self._places.total()

    def subscribe(self, topic: Topic, access: Access, limit: int) -> Subscription:
        """A queue that gets all changes from now on: what is read from the database after this call, with these, is
        complete.

        Raises `TooManyStreams`, and `HubUnavailable` if the database does not respond.
        """
        key = topic.series.pk, topic.timeframe, topic.hours.value
        with self._lock:
            self._take_place(access)
            channel = self._channels.setdefault(key, Channel(topic))
            subscription = Subscription(access, limit, lambda one: self._remove(key, one))
            channel.subscriptions = channel.subscriptions | {subscription}
            self._start()
        if not self._ready.wait(READY_SECONDS):
            subscription.close()
            raise HubUnavailable
        return subscription

    def close(self) -> None:
        """End all streams and the thread."""
        with self._lock:
            self._closing, thread, listener = True, self._thread, self._listener
            subscriptions = [one for channel in self._channels.values() for one in channel.subscriptions]
        for one in subscriptions:
            one.end()
        wake_all(subscriptions)
        if listener is not None:
            listener.wake()
        if thread is not None and thread is not threading.current_thread():
            thread.join(10)
        self._closing = False

    def _take_place(self, access: Access) -> None:
        if self._places.total() >= settings.STREAMS_PER_PROCESS:
            raise TooManyStreams("The server has as many open streams as it may have: try again later.")
        if self._places[access.user_id] >= settings.STREAMS_PER_ACCOUNT:
            raise TooManyStreams("This account has as many open streams as it may have: close one, or try again later.")
        self._places[access.user_id] += 1

    def _remove(self, key: tuple[int, str, str], subscription: Subscription) -> None:
        with self._lock:
            channel = self._channels.get(key)
            if channel is None or subscription not in channel.subscriptions:
                return
            channel.subscriptions = channel.subscriptions - {subscription}
            if not channel.subscriptions:
                del self._channels[key]
            self._places -= Counter([subscription.access.user_id])

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():  # a fork has no threads of its parent
            self._ready.clear()
            self._listener = Listener()
            self._thread = threading.Thread(target=self._run, args=(self._listener,), name="stream hub", daemon=True)
            self._thread.start()
        elif self._listener is not None:
            self._listener.wake()

    def _run(self, listener: Listener) -> None:
        try:
            Work(listener, self._list_channels, self._ready.set).run(self._may_end)
        finally:
            listener.close()

    def _list_channels(self) -> list[Channel]:
        with self._lock:
            return list(self._channels.values())

    def _may_end(self, idle_seconds: float) -> bool:
        """Whether the thread ends: there have been no clients for a while. The next client starts another one."""
        with self._lock:
            if not self._closing and (self._channels or idle_seconds < LINGER_SECONDS):
                return False
            self._thread, self._listener = None, None
            self._ready.clear()
            return True


hub = Hub()
