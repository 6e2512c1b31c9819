"""Streams of events on the event loop: a client costs its connection and its queue, and no thread."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Protocol

from django.conf import settings

from config.web.answers import PIECE_BYTES
from config.web.event_connection import EventConnection
from config.web.process import release_memory
from config.web.types import Headers, Scope, Send
from marketdata.stream.events import COMMENT
from marketdata.stream.hub import hub
from marketdata.stream.subscription import Subscription

RELEASE_SECONDS = 2.0  # after the last stream was opened
_CLOSE = (b"connection", b"close")


class Connection(Protocol):
    """What a stream needs of `config.web.protocol.HttpProtocol`, which puts itself into the scope's state."""

    def become_stream(
        self, subscription: Subscription, on_end: Callable[[EventConnection], None]
    ) -> EventConnection | None: ...


def find_connection(scope: Scope) -> Connection | None:
    """None under another server, or another class of its connections."""
    connection: Connection | None = scope.get("state", {}).get("connection")
    return connection


class Streams:
    """Serves subscriptions. Their hub wakes the loop once for all of them."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._release: asyncio.TimerHandle | None = None
        self._comments: dict[EventConnection, float] = {}  # when each gets the next, in the order of these times
        self._comment_timer: asyncio.TimerHandle | None = None

    def wake(self, subscriptions: Sequence[Subscription]) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and the process ends
                self._loop.call_soon_threadsafe(_wake, subscriptions)

    async def send(self, scope: Scope, headers: Headers, subscription: Subscription, send: Send) -> None:
        """Begin the stream. Where the server's connection is not this project's, it ends with the stream."""
        self._loop = asyncio.get_running_loop()
        connection, stream = find_connection(scope), None
        try:
            await send({"type": "http.response.start", "status": 200, "headers": [*headers, _CLOSE]})
            self._release_soon(self._loop)
            if connection is None:
                await self._send_by_task(subscription, send)
            elif stream := connection.become_stream(subscription, self._forget):
                self._follow(stream, subscription, self._loop)
        finally:
            if stream is None:
                subscription.close()

    def _follow(self, stream: EventConnection, subscription: Subscription, loop: asyncio.AbstractEventLoop) -> None:
        subscription.attach(self, stream)
        self._comments[stream] = loop.time() + settings.STREAM_HEARTBEAT_SECONDS
        if self._comment_timer is None:
            self._comment_timer = loop.call_later(settings.STREAM_HEARTBEAT_SECONDS, self._send_comments, loop)
        stream.look()

    def _forget(self, stream: EventConnection) -> None:
        self._comments.pop(stream, None)

    def _send_comments(self, loop: asyncio.AbstractEventLoop) -> None:
        """One timer for all: a comment to each connection whose time has come."""
        now, self._comment_timer = loop.time(), None
        for stream in [stream for stream, at in self._comments.items() if at <= now]:
            del self._comments[stream]
            self._comments[stream] = now + settings.STREAM_HEARTBEAT_SECONDS
            stream.send_comment(COMMENT)
        if first := next(iter(self._comments.values()), None):
            self._comment_timer = loop.call_at(first, self._send_comments, loop)

    async def _send_by_task(self, subscription: Subscription, send: Send) -> None:
        client = _Client(subscription)
        subscription.attach(self, client)
        await _send_events(subscription, client, send)

    def _release_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        """Opening streams leaves requests, which refer to themselves: megabytes of thousands."""
        if self._release is not None:
            self._release.cancel()
        self._release = loop.call_later(RELEASE_SECONDS, loop.run_in_executor, None, release_memory)

    def close(self) -> None:
        for timer in (self._release, self._comment_timer):
            if timer is not None:
                timer.cancel()
        hub.close()


class _Client:
    """The signal that something is to be sent, for the task of a stream."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription, self._task = subscription, asyncio.current_task()
        self.signal = asyncio.Event()

    def look(self) -> None:
        """If the client has not read enough, its task, which may be waiting for that, ends."""
        if not self._subscription.is_dropped:
            self.signal.set()
        elif self._task is not None:
            self._task.cancel()


async def _send_events(subscription: Subscription, client: _Client, send: Send) -> None:
    while not subscription.is_dropped:
        client.signal.clear()
        if frame := subscription.take():
            for start in range(0, len(frame), PIECE_BYTES):
                await _send(send, frame[start : start + PIECE_BYTES])
        elif subscription.is_ended:
            break
        else:
            try:
                await asyncio.wait_for(client.signal.wait(), settings.STREAM_HEARTBEAT_SECONDS)
            except TimeoutError:
                await _send(send, COMMENT)
    await send({"type": "http.response.body", "body": b""})


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


def _wake(subscriptions: Sequence[Subscription]) -> None:
    for one in subscriptions:
        if isinstance(one.signal, (EventConnection, _Client)):
            one.signal.look()
