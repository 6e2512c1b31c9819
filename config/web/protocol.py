"""uvicorn's HTTP/1.1 with deadlines: for the head of a request, and for a client that reads nothing.

uvicorn itself waits for both without end, and each silent connection occupies a file descriptor and memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 30.0
READ_SECONDS = 30.0
MAX_WITHOUT_HEAD = 1_000


class HttpProtocol(H11Protocol):
    """Closes the connection if a head is not complete after 30 s, or the client reads nothing for 30 s.

    Of more than 1,000 connections without a complete head, the oldest is closed.
    """

    _without_head: dict[HttpProtocol, None] = {}  # in the order of their beginning

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_timer: asyncio.TimerHandle | None = None
        self._read_timer: asyncio.TimerHandle | None = None
        self._unread = 0

        # A stream ends its connection if the client does not read. `on_end` is called when the client goes, and when
        # the server stops.
        self.app_state = {**self.app_state, "connection": self}
        self.on_end: Callable[[], None] | None = None
        self.is_ending = False

    def abort(self) -> None:
        """Close the connection at once. What the client has not read is lost."""
        self.transport.abort()

    def free_request(self) -> None:
        """Forget the headers, of which a response that lasts has no use."""
        self.scope["headers"] = self.headers = []

    def shutdown(self) -> None:
        super().shutdown()
        self._report_end()

    def _report_end(self) -> None:
        self.is_ending = True
        if self.on_end is not None:
            self.on_end()

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
        self._stop_read_timer()
        super().connection_lost(exc)
        self._report_end()

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
        self._watch_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_read_timer()

    def _watch_reading(self) -> None:
        """Each 30 s the client must have read something."""
        self._unread = self.transport.get_write_buffer_size()
        self._read_timer = self.loop.call_later(READ_SECONDS, self._check_reading)

    def _check_reading(self) -> None:
        if self.transport.get_write_buffer_size() < self._unread:
            self._watch_reading()
        else:
            self.transport.abort()

    def _stop_read_timer(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None
