"""uvicorn's HTTP/1.1 with deadlines: for the head of a request, and for a client that reads nothing.

uvicorn itself waits for both without end, and each silent connection occupies a file descriptor and memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from config.web.event_connection import EventConnection, ReadingDeadline

if TYPE_CHECKING:  # the server imports this module before Django is set up
    from marketdata.stream.subscription import Subscription

HEAD_SECONDS = 30.0
MAX_WITHOUT_HEAD = 1_000


class HttpProtocol(ReadingDeadline, H11Protocol):
    """Closes the connection if a head is not complete after 30 s, or the client reads nothing for 30 s.

    Of more than 1,000 connections without a complete head, the oldest is closed.
    """

    _without_head: dict[HttpProtocol, None] = {}  # in the order of their beginning

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_timer: asyncio.TimerHandle | None = None
        self._read_timer: asyncio.TimerHandle | None = None
        self._unread = 0

        self.app_state = {**self.app_state, "connection": self}

    def become_stream(
        self, subscription: Subscription, on_end: Callable[[EventConnection], None]
    ) -> EventConnection | None:
        """Leave the connection to a stream of events, whose head was sent. None if the client has gone meanwhile."""
        self._stop_head_timer()
        self.stop_read_timer()
        self._unset_keepalive_if_required()
        if self.transport.is_closing():
            return None
        is_chunked, is_stopping = self.scope["http_version"] == "1.1", not self.cycle.keep_alive
        stream = EventConnection(
            self.transport, self.loop, subscription, self.connections, is_chunked=is_chunked, on_end=on_end
        )
        self.transport.set_protocol(stream)
        self.transport.resume_reading()  # so that the end of the client is noticed
        self.connections.discard(self)
        self.cycle.disconnected = True  # its task ends now, and uvicorn does not miss the rest of the response
        if is_stopping:
            stream.shutdown()
        return stream

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        # Writing waits until the client has read all: what it has not read is limited, and its timer runs.
        transport.set_write_buffer_limits(high=0)
        super().connection_made(transport)
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch_head()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        self.stop_read_timer()
        super().connection_lost(exc)

    def _watch_head(self) -> None:
        if self.transport.is_closing() or self.conn.their_state is not h11.IDLE:
            self._stop_head_timer()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)
            self._without_head[self] = None
            if len(self._without_head) > MAX_WITHOUT_HEAD:
                next(iter(self._without_head)).transport.abort()

    def _stop_head_timer(self) -> None:
        self._without_head.pop(self, None)
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self.watch_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.stop_read_timer()
