"""The deadline of a client that reads nothing."""

from __future__ import annotations

import asyncio

READ_SECONDS = 30.0


class ReadingDeadline:
    """Of a protocol whose write buffer is not empty. Its class has these attributes."""

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
