"""Sends streams of Django: files of bars, and files from the disk. A thread produces a block; no thread waits for a
client."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from django.db import InterfaceError, OperationalError

from config.connections.monitor import monitor
from config.connections.unavailable import DETAIL as NO_DATABASE
from config.connections.unavailable import RETRY_SECONDS as NO_DATABASE_SECONDS
from config.web.answers import EXPORTS_BUSY, FAILED, build_refusal, send_pieces
from config.web.call import Stream
from config.web.lanes import Busy, Lane, Places
from config.web.process import keep_imported, release_memory
from config.web.types import Scope, Send
from marketdata.bars.prefetch import share_prefetching

QUEUE_SECONDS = 30.0
RETRY_SECONDS = 60
THREADS = 2

logger = logging.getLogger(__name__)


class Exports:
    """At most `limit` exports are open at a time. Others wait for a place, and are refused after 30 s.

    Two threads produce the blocks of all of them in turns, and two read the next ones from the database.
    """

    def __init__(self, limit: int) -> None:
        self._places = Places(limit, wait_seconds=QUEUE_SECONDS)
        self._lane = Lane("export", THREADS)
        self._readers = ThreadPoolExecutor(THREADS, thread_name_prefix="read")

    def open(self) -> None:
        """Prepare this process, before the server accepts requests."""
        import_libraries()
        share_prefetching(self._readers)

    async def send(self, scope: Scope, stream: Stream, send: Send) -> None:
        try:
            await self._places.acquire()
        except BaseException as reason:
            self._lane.submit(_close, stream)
            if not isinstance(reason, Busy):
                raise
            await build_refusal(scope, 503, EXPORTS_BUSY, retry_after=RETRY_SECONDS).send(send)
            return
        try:
            await send_stream(scope, stream, send, self._lane)
        finally:
            self._places.release()

    def close(self) -> None:
        share_prefetching(None)
        self._lane.close()
        self._readers.shutdown(wait=False, cancel_futures=True)


async def send_stream(scope: Scope, stream: Stream, send: Send, lane: Lane) -> None:
    """Send all pieces, each of which is produced when the client has read the one before. The stream is closed in every
    case.

    A failure before the first piece has a response of its own. After a later one the response stays incomplete, and the
    server closes the connection, so that no client takes the part for the file.
    """
    is_started = False
    piece = lane.submit(stream.read_next)
    try:
        content = await asyncio.shield(asyncio.wrap_future(piece))
        await send({"type": "http.response.start", "status": stream.status, "headers": stream.headers})
        is_started = True
        while content:
            await send_pieces(send, content)
            piece = lane.submit(stream.read_next)
            content = await asyncio.shield(asyncio.wrap_future(piece))
        await send({"type": "http.response.body", "body": b""})
    except Exception as error:
        await _report(scope, error, None if is_started else send)
    finally:
        piece.cancel()
        lane.submit_after(piece, partial(_close, stream))


def import_libraries() -> None:
    """Import what exports need: that takes half a second, in which requests would wait."""
    import pandas  # noqa: F401  # pyarrow imports it as soon as it gets a value of Python
    from pyarrow import compute, csv, ipc, parquet  # noqa: F401

    keep_imported()


def _close(stream: Stream) -> None:
    stream.close()
    release_memory()


async def _report(scope: Scope, error: Exception, send: Send | None) -> None:
    if isinstance(error, (InterfaceError, OperationalError)):
        logger.error("The database did not respond to an export of %s: %s", scope["path"], error)
        monitor.suspect()
        answer = build_refusal(scope, 503, NO_DATABASE, retry_after=NO_DATABASE_SECONDS)
    else:
        logger.error("An export of %s failed.", scope["path"], exc_info=error)
        answer = build_refusal(scope, 500, FAILED)
    if send is not None:
        await answer.send(send)
