"""Threads for one kind of work, and the queue before them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import close_old_connections

T = TypeVar("T")

WAIT_SECONDS = 10.0
RETRY_SECONDS = 5
MAX_WAITING = 500


class Busy(Exception):
    """No place became free in time."""


class Places:
    """A number of places. Who finds none waits in the order of arrival, for `wait_seconds` at most."""

    def __init__(self, count: int, *, wait_seconds: float) -> None:
        self._free = asyncio.Semaphore(count)
        self._wait_seconds = wait_seconds
        self._waiting = 0

    async def acquire(self) -> None:
        """Raises `Busy` if no place becomes free in time, or too many wait already."""
        if self._waiting >= MAX_WAITING:
            raise Busy
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._free.acquire()
        except TimeoutError:
            raise Busy from None
        finally:
            self._waiting -= 1

    def release(self) -> None:
        self._free.release()


class Lane:
    """Threads that run functions. A caller that is cancelled leaves its function to end by itself."""

    def __init__(self, name: str, threads: int, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._places = Places(threads, wait_seconds=wait_seconds)

    async def run(self, function: Callable[..., T], *arguments: Any, abandon: Callable[[T], None] | None = None) -> T:
        """The function's result. Raises `Busy` if no thread becomes free in time.

        If the caller is cancelled meanwhile, `abandon` gets the result in a thread of the lane.
        """
        await self._places.acquire()
        loop = asyncio.get_running_loop()
        future = self.submit(function, *arguments)
        future.add_done_callback(lambda _: self._release(loop))
        try:
            return await asyncio.shield(asyncio.wrap_future(future))
        except asyncio.CancelledError:
            if abandon is not None:
                self.submit_after(future, lambda: _abandon(future, abandon))
            future.cancel()
            raise

    def submit(self, function: Callable[..., T], *arguments: Any) -> Future[T]:
        """Run the function as soon as a thread is free, without a limit."""
        return self._pool.submit(_run, function, *arguments)

    def submit_after(self, before: Future[Any], function: Callable[[], None]) -> None:
        """Run the function after another one has ended, in any way."""

        def submit(_: Future[Any]) -> None:
            with contextlib.suppress(RuntimeError):  # the lane is closed, and the process ends
                self.submit(function)

        before.add_done_callback(submit)

    def _release(self, loop: asyncio.AbstractEventLoop) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and the process ends
            loop.call_soon_threadsafe(self._places.release)

    def close(self) -> None:
        """Start nothing more, and let running functions end."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _run(function: Callable[..., T], *arguments: Any) -> T:
    """The thread's connection to the database is closed when CONN_MAX_AGE is over, as after a request."""
    try:
        return function(*arguments)
    finally:
        close_old_connections()


def _abandon(future: Future[T], function: Callable[[T], None]) -> None:
    if not future.cancelled() and future.exception() is None:
        function(future.result())
