"""How many passwords a web process hashes at a time: hashing one keeps a processor busy for half a second.

Guessers from many addresses can be neither counted together nor refused without their accounts' owners. So they wait in
a short queue, and what does not fit is refused before a password is hashed. An address without failed logins comes
before those that have some.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from django.conf import settings

RUNNING = 1  # of one process; hashing releases Python's lock, so other requests go on meanwhile
WAIT_SECONDS = 3.0
RETRY_SECONDS = 2


class HashSlots:
    """`running` attempts at a time; up to `waiting` others wait for `WAIT_SECONDS`, each of them in a thread."""

    def __init__(self, *, running: int, waiting: int) -> None:
        self._free, self._max_waiting = running, waiting
        self._lock = threading.Lock()
        self._queue: list[_Waiter] = []

    @contextlib.contextmanager
    def hold(self, *, preferred: bool) -> Iterator[bool]:
        """Yield whether a password may be hashed within the block. A preferred attempt takes the place of another."""
        if not self._acquire(preferred):
            yield False
            return
        try:
            yield True
        finally:
            self._release()

    def _acquire(self, preferred: bool) -> bool:
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            if not self._make_room(preferred):
                return False
            waiter = _Waiter(preferred)
            self._queue.append(waiter)
        waiter.called.wait(WAIT_SECONDS)
        with self._lock:
            if waiter in self._queue:
                self._queue.remove(waiter)
            return waiter.may_run

    def _make_room(self, preferred: bool) -> bool:
        if len(self._queue) < self._max_waiting:
            return True
        others = [waiter for waiter in self._queue if not waiter.preferred]
        if not (preferred and others):
            return False
        self._queue.remove(others[-1])
        others[-1].called.set()
        return True

    def _release(self) -> None:
        """The preferred waiters come first, and then the one that has waited longest."""
        with self._lock:
            if not self._queue:
                self._free += 1
                return
            waiter = max(self._queue, key=lambda one: one.preferred)
            self._queue.remove(waiter)
            waiter.may_run = True
            waiter.called.set()


class _Waiter:
    def __init__(self, preferred: bool) -> None:
        self.preferred, self.may_run = preferred, False
        self.called = threading.Event()


# Most threads stay free for other requests.
slots = HashSlots(running=RUNNING, waiting=settings.WEB_THREADS // 4)
