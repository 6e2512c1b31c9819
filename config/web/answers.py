"""Complete responses that the event loop sends itself, without Django."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from config.web.types import Headers, Scope, Send

PIECE_BYTES = 128 * 1024

BUSY = "The server is busy: try again in a few seconds."
EXPORTS_BUSY = "The server is busy with other exports: try again in a minute."
TOO_SLOW = "The request's body did not arrive in time: send it within {seconds} seconds."
TOO_LARGE = "The request's body is too large: send at most {limit:,} bytes."
FAILED = "The server could not write the file. Its log has the reason."


@dataclass(frozen=True)
class Answer:
    """Status, headers and the complete body."""

    status: int
    headers: Headers
    body: bytes

    async def send(self, send: Send) -> None:
        await self.send_head_and_body(send)
        await self.end(send)

    async def send_head_and_body(self, send: Send) -> None:
        """All that the client reads; `end` ends the response, and perhaps the connection."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send_pieces(send, self.body)

    async def end(self, send: Send) -> None:
        await send({"type": "http.response.body", "body": b""})


async def send_pieces(send: Send, body: bytes) -> None:
    """Send a body in pieces: the server copies what the client has not read of each, so a piece must be small. Between
    two, the event loop serves others, and notices whether the client has gone."""
    for start in range(0, len(body), PIECE_BYTES):
        await send({"type": "http.response.body", "body": body[start : start + PIECE_BYTES], "more_body": True})
        await asyncio.sleep(0)


def build_refusal(scope: Scope, status: int, detail: str, *, retry_after: int = 0, close: bool = False) -> Answer:
    """JSON for the API, plain text elsewhere. `close` ends the connection, whose client may still be sending."""
    is_api = scope["path"].startswith("/api/")
    body = json.dumps({"detail": detail}).encode() if is_api else f"{detail}\n".encode()
    headers = [
        (b"content-type", b"application/json" if is_api else b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    headers += [(b"retry-after", str(retry_after).encode())] if retry_after else []
    headers += [(b"connection", b"close")] if close else []
    return Answer(status, headers, body)
