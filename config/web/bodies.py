"""Reads a request's body on the event loop, so that a client that sends slowly waits for itself alone."""

from __future__ import annotations

import asyncio
import contextlib

from django.conf import settings

from config.web.answers import BUSY, TOO_LARGE, TOO_SLOW, build_refusal
from config.web.lanes import RETRY_SECONDS
from config.web.types import Receive, Scope

BODY_SECONDS = 30.0
REST_SECONDS = 5.0
MAX_ALL_BYTES = 16 * 1024 * 1024


class Refused(Exception):
    """The request ends before Django sees it; `answer` states why. `has_rest`: the client is still sending its body."""

    def __init__(self, scope: Scope, status: int, detail: str, *, retry_after: int = 0, has_rest: bool = False) -> None:
        super().__init__(detail)
        self.answer = build_refusal(scope, status, detail, retry_after=retry_after, close=True)
        self.has_rest = has_rest


class ClientGone(Exception):
    """The client closed the connection."""


class BodyReader:
    """Reads bodies of at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes each, and 16 MiB of unfinished ones together."""

    def __init__(self) -> None:
        self._all_bytes = 0

    async def read(self, scope: Scope, receive: Receive) -> bytes:
        """The complete body. Raises `Refused` if it is too large or too slow, `ClientGone` if it ends early."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or MAX_ALL_BYTES
        if _read_length(scope) > limit:
            # A client with this header sends its body only if it is asked to.
            has_rest = not any(name == b"expect" for name, _ in scope["headers"])
            raise Refused(scope, 413, TOO_LARGE.format(limit=limit), has_rest=has_rest)
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while await self._read_part(receive, body):
                    if len(body) > limit:
                        raise Refused(scope, 413, TOO_LARGE.format(limit=limit), has_rest=True)
                    if self._all_bytes > MAX_ALL_BYTES:
                        raise Refused(scope, 503, BUSY, retry_after=RETRY_SECONDS, has_rest=True)
        except TimeoutError:
            raise Refused(scope, 408, TOO_SLOW.format(seconds=round(BODY_SECONDS))) from None
        finally:
            self._all_bytes -= len(body)
        if len(body) > limit:
            raise Refused(scope, 413, TOO_LARGE.format(limit=limit))
        return bytes(body)

    async def _read_part(self, receive: Receive, body: bytearray) -> bool:
        """Append what has arrived; returns whether more follows."""
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        body += part
        self._all_bytes += len(part)
        return bool(message.get("more_body", False))


async def drop_rest(receive: Receive) -> None:
    """Read what the client is still sending, for some seconds, and forget it.

    A connection that is closed with unread input is reset, and the client would lose the response that it was sent
    (RFC 9112, section 9.6).
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(REST_SECONDS):
            while (await receive()).get("more_body", False):
                pass


def _read_length(scope: Scope) -> int:
    """Content-Length; 0 if there is none. The server has checked that it is a number."""
    return next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)
