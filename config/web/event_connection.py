"""A connection from the moment on that its stream of events begins: it needs no request, no task and no HTTP parser,
which together are five times as large."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from config.web.answers import PIECE_BYTES

if TYPE_CHECKING:  # the server imports its protocol before Django is set up
    from marketdata.stream.subscription import Subscription

READ_SECONDS = 30.0
_END = b"0\r\n\r\n"


class ReadingDeadline:
    """The deadline of a client that reads nothing, for a protocol that has these attributes."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    _read_timer: asyncio.TimerHandle | None
    _unread: int

    def watch_reading(self) -> None:
        """Each 30 s the client must have read something; otherwise the connection is closed."""
        self._unread = self.transport.get_write_buffer_size()
        self._read_timer = self.loop.call_later(READ_SECONDS, self._check_reading)

    def _check_reading(self) -> None:
        if self.transport.get_write_buffer_size() < self._unread:
            self.watch_reading()
        else:
            self.transport.abort()

    def stop_read_timer(self) -> None:
        """The client has read all, or has gone."""
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None


class EventConnection(ReadingDeadline, asyncio.Protocol):
    """Sends what its subscription has. `connections` are those of the server, which calls `shutdown` of each when it
    stops. `on_end` is called when the connection has ended."""

    __slots__ = (
        *("transport", "loop", "_read_timer", "_unread", "_subscription", "_connections", "_on_end"),
        *("_is_chunked", "_is_paused", "_is_ended", "_rest"),
    )

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        subscription: Subscription,
        connections: set[Any],
        *,
        is_chunked: bool,
        on_end: Callable[[EventConnection], None],
    ) -> None:
        self.transport, self.loop = transport, loop
        self._read_timer: asyncio.TimerHandle | None = None
        self._unread = 0
        self._subscription, self._connections, self._on_end = subscription, connections, on_end
        self._is_chunked = is_chunked
        self._is_ended = False
        self._rest: memoryview | None = None  # of what the subscription has given
        self._is_paused = transport.get_write_buffer_size() > 0
        connections.add(self)
        if self._is_paused:
            self.watch_reading()

    def look(self) -> None:
        """Something is to be sent. If the client has not read enough, its connection ends with what it has not read."""
        if self._subscription.is_dropped:
            self.transport.abort()
        else:
            self._send()

    def send_comment(self, comment: bytes) -> None:
        """Unless the client has something to read."""
        if not self._is_paused and not self._is_ended:
            self._write(comment)

    def _send(self) -> None:
        """A piece at a time: the server copies what the client has not read of it."""
        while not self._is_paused and not self._is_ended:
            if self._rest is None:
                if frame := self._subscription.take():
                    self._rest = memoryview(frame)
                elif self._subscription.is_ended:
                    self._end()
                    return
                else:
                    return
            piece, rest = self._rest[:PIECE_BYTES], self._rest[PIECE_BYTES:]
            self._rest = rest if len(rest) else None
            self._write(bytes(piece))

    def _write(self, content: bytes) -> None:
        self.transport.write(b"%x\r\n%b\r\n" % (len(content), content) if self._is_chunked else content)

    def _end(self) -> None:
        self._is_ended = True
        if self._is_chunked:
            self.transport.write(_END)
        self.transport.close()

    # --- What the event loop and the server call ---

    def shutdown(self) -> None:
        """The server stops: the client gets what is queued, and connects again, to another process."""
        self._subscription.end()
        self._send()

    def pause_writing(self) -> None:
        self._is_paused = True
        self.watch_reading()

    def resume_writing(self) -> None:
        self.stop_read_timer()
        self._is_paused = False
        if not self.transport.is_closing():
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        self.stop_read_timer()
        self._is_ended = True
        self._connections.discard(self)
        self._on_end(self)
        self._subscription.close()
