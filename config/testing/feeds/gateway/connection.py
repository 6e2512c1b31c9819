"""A connection: greeting, authentication, subscriptions, until the session starts.

S: lsg_version=0.6.1   cram=<challenge>
C: auth=<sha256(challenge|key)>-<last 5 of the key>|dataset=..|encoding=dbn|heartbeat_interval_s=30|client=..
S: success=1|session_id=..      or success=0|error=.. and the end
C: schema=ohlcv-1m|stype_in=..|symbols=A,B|start=<ns>|id=0|is_last=1
C: start_session=0
S: DBN metadata, then records
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import socket
import struct
from typing import TYPE_CHECKING

import numpy as np

from .records import Sender
from .sessions import LiveFault, Session, SessionEnded

if TYPE_CHECKING:
    from ..live import FakeLive


class Connection:
    """The two ends of a session's connection."""

    def __init__(
        self, gateway: FakeLive, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.gateway, self.session = gateway, session
        self.reader, self.writer = reader, writer
        self.send = Sender(writer)

    def take(self, *kinds: str) -> LiveFault | None:
        return self.gateway.next_fault(self.session, set(kinds))

    def send_bar(self, bar: np.ndarray) -> None:
        self.send(bar.tobytes())
        self.session.bars += 1
        self.session.sent.append((int(bar["instrument_id"][0]), int(bar["ts_event"][0])))

    async def open(self) -> None:
        """Until the client starts the session. Raises SessionEnded."""
        if fault := self.take("no_greeting", "close_at_once", "rst_at_once"):
            if fault.kind == "no_greeting":
                await self.wait_in_silence(fault)
            await self.drop(fault.kind, reset=fault.kind == "rst_at_once")
        await self._authenticate()
        while True:
            line = await self.reader.readline()
            if not line:
                raise SessionEnded("the client ended the connection before it started the session")
            fields = _parse(line)
            if "start_session" in fields:
                break
            self.session.subs.append(fields)
        self.session.started = True

    async def _authenticate(self) -> None:
        challenge = secrets.token_hex(16)
        self.writer.write(f"lsg_version=0.6.1\ncram={challenge}\n".encode())
        self.session.auth = _parse(await self.reader.readline())
        if refusal := self._find_refusal(challenge):
            self.writer.write(f"success=0|error={refusal}\n".encode())
            await self.writer.drain()
            raise SessionEnded(f"refused: {refusal}")
        if fault := self.take("no_auth_answer"):
            await self.wait_in_silence(fault)
        if self.take("close_at_auth"):
            await self.drop("close_at_auth")
        self.writer.write(f"success=1|session_id={1000 + self.session.n}\n".encode())

    def _find_refusal(self, challenge: str) -> str:
        key = self.gateway.key
        digest = hashlib.sha256(f"{challenge}|{key}".encode()).hexdigest()
        if self.session.auth.get("auth") != f"{digest}-{key[-5:]}":
            return "Authentication failed."
        if len(self.gateway.open_sessions) > self.gateway.max_sessions:
            return "User has reached their open connection limit."
        fault = self.take("refuse_auth")
        return str(fault.options.get("error", "Authentication failed.")) if fault else ""

    async def wait_in_silence(self, fault: LiveFault) -> None:
        """Send nothing for a time, or until the client ends the connection."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.reader.read(), fault.options.get("seconds", 3600))
            raise SessionEnded(f"{fault.kind}: the client ended the connection")

    async def drop(self, reason: str, *, reset: bool = False) -> None:
        """End the connection by FIN or RST. Raises SessionEnded."""
        with contextlib.suppress(OSError):
            await self.writer.drain()
            await asyncio.sleep(0.02)
            if reset:
                connection = self.writer.get_extra_info("socket")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.writer.transport.abort()
            else:
                self.writer.write_eof()
                await asyncio.sleep(0.02)
        raise SessionEnded(reason)


def _parse(line: bytes) -> dict[str, str]:
    pairs = [field.partition("=") for field in line.decode().strip().split("|") if field]
    return {name: value for name, _, value in pairs}
