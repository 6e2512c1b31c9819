"""A client of streams: it reads server-sent events, and keeps the rows as a page does."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from benchmarks.web.clients import Target

BARS = "ohlcv-1m/stream"


class Event(NamedTuple):
    """`name` is empty for a comment."""

    name: str
    data: Any
    id: str


@dataclass
class EventReader:
    """Splits what arrives after a response's head, in any pieces, into events. `is_chunked`: its transfer coding."""

    last_id: str = ""
    is_chunked: bool = True
    _rest: bytes = b""
    _body: bytes = b""

    def feed(self, piece: bytes) -> Iterator[Event]:
        if self.is_chunked:
            self._rest += piece
            while (found := self._split_piece()) is not None:
                self._body += found
        else:
            self._body += piece
        *blocks, self._body = self._body.split(b"\n\n")
        for event in filter(None, (parse_block(block, self.last_id) for block in blocks)):
            self.last_id = event.id
            yield event

    def _split_piece(self) -> bytes | None:
        size, separator, rest = self._rest.partition(b"\r\n")
        length = int(size, 16) if separator else 0
        if not separator or len(rest) < length + 2:
            return None
        self._rest = rest[length + 2 :]
        return rest[:length]


def parse_block(block: bytes, last_id: str) -> Event | None:
    """The event; None for lines that are none."""
    fields = dict(line.split(": ", 1) for line in block.decode().split("\n") if not line.startswith("retry"))
    if "" in fields:
        return Event("", fields[""], last_id)
    if "event" not in fields:
        return None
    return Event(fields["event"], json.loads(fields["data"]), fields.get("id", last_id))


def apply_event(rows: dict[str, dict], event: Event) -> None:
    """As a page does: rows by time, of which any may come again."""
    if event.name in ("snapshot", "resync"):
        rows.clear()
        rows |= {row["ts"]: row for row in event.data.get("bars", ())}
    elif event.name in ("bar", "revision") and event.data.get("removed"):
        rows.pop(event.data["ts"], None)
    elif event.name in ("bar", "revision"):
        rows[event.data["ts"]] = event.data


@dataclass
class EventClient:
    """One connection after another to a stream. `rows` are those of the snapshot and of all events since, by time."""

    target: Target
    path: str = BARS
    last_id: str = ""
    rows: dict[str, dict] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    status: int = 0
    head: str = ""
    is_chunked: bool = True  # not under runserver

    def __post_init__(self) -> None:
        self._socket: socket.socket | None = None
        self._seen = 0

    def connect(self, receive_bytes: int = 0, *headers: str) -> EventClient:
        self._socket = self.target.connect(receive_bytes)
        own = [f"Last-Event-ID: {self.last_id}"] if self.last_id else []
        path = f"/api/market-data/{self.target.series}/{self.path}"
        self._socket.sendall(self.target.build_head("GET", path, "Accept: text/event-stream", *own, *headers))
        head = b""
        while b"\r\n\r\n" not in head and (byte := self._socket.recv(1)):
            head += byte
        self.head, self.status = head.decode(), int(head[9:12] or 0)
        self._reader = EventReader(self.last_id, self.is_chunked)
        return self

    def read(self, seconds: float) -> list[Event]:
        """The events of the next seconds; fewer seconds if the connection ends."""
        deadline, found = time.monotonic() + seconds, []
        while (left := deadline - time.monotonic()) > 0:
            try:
                events = self._read_some(left)
            except TimeoutError:
                break
            if events is None:
                break
            found += events
        return found

    def wait_for(self, *names: str, seconds: float = 20) -> Event:
        """The next event of this name that was not waited for yet. Raises `TimeoutError`, and `EOFError` at the end."""
        deadline = time.monotonic() + seconds
        while True:
            for event in self.events[self._seen :]:
                self._seen += 1
                if event.name in names:
                    return event
            if self._read_some(deadline - time.monotonic()) is None:
                raise EOFError("the stream ended")

    def _read_some(self, seconds: float) -> list[Event] | None:
        """What arrives next; None at the end."""
        if seconds <= 0 or self._socket is None:
            raise TimeoutError
        self._socket.settimeout(seconds)
        with contextlib.suppress(ConnectionResetError):
            if piece := self._socket.recv(65536):
                events = list(self._reader.feed(piece))
                for event in events:
                    apply_event(self.rows, event)
                self.events += events
                self.last_id = self._reader.last_id
                return events
        return None

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def __enter__(self) -> EventClient:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
