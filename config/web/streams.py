"""Streams of events on the event loop: a client costs a task, and no thread."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Protocol

from django.conf import settings

from config.web.answers import PIECE_BYTES
from config.web.process import release_memory
from config.web.types import Headers, Scope, Send
from marketdata.stream.events import COMMENT
from marketdata.stream.hub import hub
from marketdata.stream.subscription import Subscription

RELEASE_SECONDS = 2.0  # after the last stream was opened


class Connection(Protocol):
    """What a stream needs of `config.web.protocol.HttpProtocol`, which puts itself into the scope's state."""

    on_end: Callable[[], None] | None
    is_ending: bool

    def abort(self) -> None: ...

    def free_request(self) -> None: ...


def find_connection(scope: Scope) -> Connection | None:
    """None under another server, or another class of its connections."""
    connection: Connection | None = scope.get("state", {}).get("connection")
    return connection


class Streams:
    """Serves subscriptions. Their hub wakes the loop once for all of them."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._release: asyncio.TimerHandle | None = None

    def wake(self, subscriptions: Sequence[Subscription]) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and the process ends
                self._loop.call_soon_threadsafe(_wake, subscriptions)

    async def send(self, scope: Scope, headers: Headers, subscription: Subscription, send: Send) -> None:
        """Until the client goes, reads too little, or the subscription ends."""
        self._loop = asyncio.get_running_loop()
        client = _Client(subscription, find_connection(scope))
        subscription.attach(self, client)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            client.free_request()
            self._release_soon(self._loop)
            await _send_events(subscription, client, send)
        finally:
            client.leave()
            subscription.close()

    def _release_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        """Opening streams leaves requests of REST framework, which refer to themselves: megabytes of thousands."""
        if self._release is not None:
            self._release.cancel()
        self._release = loop.call_later(RELEASE_SECONDS, loop.run_in_executor, None, release_memory)

    def close(self) -> None:
        if self._release is not None:
            self._release.cancel()
        hub.close()


class _Client:
    """The connection of a stream, and the signal that something is to be sent."""

    __slots__ = ("_connection", "_is_set", "_subscription", "_task", "_waiting")

    def __init__(self, subscription: Subscription, connection: Connection | None) -> None:
        self._subscription, self._connection = subscription, connection
        self._is_set = True
        self._waiting: asyncio.Future[None] | None = None  # smaller than an asyncio.Event
        self._task = asyncio.current_task()
        if connection is not None:
            connection.on_end = self._end
            if connection.is_ending:
                self._end()

    def look(self) -> None:
        """Something is to be sent. If the client has not read enough, its connection ends with what it has not read,
        for which its task may be waiting."""
        if not self._subscription.is_dropped:
            self._set()
        elif self._connection is not None:
            self._connection.abort()
        elif self._task is not None:
            self._task.cancel()

    async def wait(self, seconds: float) -> None:
        """Until there is a signal, for so many seconds at most."""
        if not self._is_set:
            loop = asyncio.get_running_loop()
            self._waiting = loop.create_future()
            timer = loop.call_later(max(0.0, seconds), self._set)
            try:
                await self._waiting
            finally:
                timer.cancel()
                self._waiting = None
        self._is_set = False

    def _set(self) -> None:
        self._is_set = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def free_request(self) -> None:
        if self._connection is not None:
            self._connection.free_request()

    def leave(self) -> None:
        if self._connection is not None:
            self._connection.on_end = None

    def _end(self) -> None:
        """The client has gone; or the server stops, and the client connects again, to another process."""
        self._subscription.end()
        self._set()


async def _send_events(subscription: Subscription, client: _Client, send: Send) -> None:
    loop, seconds = asyncio.get_running_loop(), settings.STREAM_HEARTBEAT_SECONDS
    comment_at = loop.time() + seconds
    while not subscription.is_dropped:
        if frame := subscription.take():
            for start in range(0, len(frame), PIECE_BYTES):
                await _send(send, frame[start : start + PIECE_BYTES])
        elif subscription.is_ended:
            break
        else:
            await client.wait(comment_at - loop.time())
        if loop.time() >= comment_at:
            comment_at = loop.time() + seconds
            await _send(send, COMMENT)
    await send({"type": "http.response.body", "body": b""})


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


def _wake(subscriptions: Sequence[Subscription]) -> None:
    for one in subscriptions:
        if isinstance(one.signal, _Client):
            one.signal.look()
