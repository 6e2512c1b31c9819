"""The queue of one client: the hub's thread fills it, and the client's thread or the event loop empties it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from marketdata.stream.access import Access

# A client that reads so little is dropped. It connects again, and goes on from the last event that it has read. All
# queues have the same bytes, not a copy each.
MAX_QUEUED = 64
MAX_QUEUED_BYTES = 4 * 1024 * 1024


class Waker(Protocol):
    """Lets those who serve subscriptions look at them. Any thread may call it."""

    def wake(self, subscriptions: Sequence[Subscription]) -> None: ...


class Subscription:
    """`limit`: rows of a snapshot. `start` must be called before `take` returns anything."""

    __slots__ = (
        *("access", "limit", "waker", "signal", "is_dropped", "is_ended"),
        *("_close", "_lock", "_frames", "_bytes", "_first", "_is_started"),
    )

    def __init__(self, access: Access, limit: int, close: Callable[[Subscription], None]) -> None:
        self.access, self.limit = access, limit
        self.waker: Waker = _THREADS
        self.signal: object = None  # of the waker
        self.is_dropped = False
        self.is_ended = False
        self._close = close
        self._lock = threading.Lock()
        self._frames: list[bytes] = []  # a deque needs more memory
        self._bytes = 0
        self._first: bytes | None = None
        self._is_started = False

    def start(self, first: bytes) -> None:
        """What the client gets first, whatever the hub has put since."""
        with self._lock:
            self._first, self._is_started = first, True

    def put(self, frame: bytes) -> None:
        """Queue some events. If the client has not read enough, it is dropped instead."""
        with self._lock:
            if self.is_dropped or self.is_ended:
                return
            if len(self._frames) >= MAX_QUEUED or self._bytes + len(frame) > MAX_QUEUED_BYTES:
                self.is_dropped = True
                self._frames.clear()
                self._first = None
                return
            self._frames.append(frame)
            self._bytes += len(frame)

    def take(self) -> bytes:
        """All that is queued; empty if there is nothing."""
        with self._lock:
            if not self._is_started:
                return b""
            frames = [self._first, *self._frames] if self._first is not None else list(self._frames)
            self._first, self._bytes = None, 0
            self._frames.clear()
        return b"".join(filter(None, frames))

    def attach(self, waker: Waker, signal: object) -> None:
        """Who serves the subscription from now on."""
        with self._lock:
            self.waker, self.signal = waker, signal

    def end(self) -> None:
        """The client gets what is queued, and then the end."""
        self.is_ended = True

    def close(self) -> None:
        """Remove it from the hub. May be called several times."""
        self.end()
        self._close(self)


class _Threads:
    """Each subscription is served by a thread, which waits for its `threading.Event`."""

    def wake(self, subscriptions: Sequence[Subscription]) -> None:
        for one in subscriptions:
            if isinstance(one.signal, threading.Event):
                one.signal.set()


_THREADS = _Threads()


def wake_all(subscriptions: Iterable[Subscription]) -> None:
    """One call for each of their wakers: an event loop is woken once for thousands of clients."""
    by_waker: dict[Waker, list[Subscription]] = {}
    for one in subscriptions:
        by_waker.setdefault(one.waker, []).append(one)
    for waker, woken in by_waker.items():
        waker.wake(woken)
