"""Which part of the front answers a request."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from config.connections.monitor import monitor
from config.web.answers import BUSY, Answer, build_refusal
from config.web.bodies import BodyReader, ClientGone, Refused, drop_rest
from config.web.call import Application, Events, Stream, call_django
from config.web.exports import Exports, send_stream
from config.web.health import HealthAnswers
from config.web.lanes import RETRY_SECONDS, Busy, Lane
from config.web.process import release_memory
from config.web.streams import Streams, find_connection
from config.web.types import Receive, Scope, Send

LOGIN_THREADS = 2
LARGE_BYTES = 256 * 1024  # of a page whose computing needed megabytes


class Front:
    """An ASGI application around Django's WSGI application, which runs in `threads` threads.

    - /healthz is answered here.
    - Everything else is Django's, after its body has arrived. A page is sent from memory.
    - Logins have threads of their own, since hashing a password takes long: guesses delay other guesses only.
    - A response that Django streams is an export, unless it is a file from the disk: `exports` of them may be open.
    - A stream of events is opened by Django in a thread, and from then on stays on the event loop.
    """

    def __init__(self, application: Application, *, threads: int, exports: int) -> None:
        self._application = application
        self._pages = Lane("page", threads)
        self._logins = Lane("login", LOGIN_THREADS)
        self._exports = Exports(exports)
        self._streams = Streams()
        self._bodies = BodyReader()
        self._health = HealthAnswers(self._ask)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            # The server cancels what is not finished at its end: the connection is closed without the rest.
            with contextlib.suppress(asyncio.CancelledError):
                await self._respond(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._exports.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._pages.close()
        self._logins.close()
        self._exports.close()
        self._streams.close()
        monitor.end_statements()
        await send({"type": "lifespan.shutdown.complete"})

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        if answer := self._health.find(scope):
            await answer.send(send)
            return
        try:
            body = await self._bodies.read(scope, receive)
        except ClientGone:
            return
        except Refused as refused:
            await refused.answer.send_head_and_body(send)
            if refused.has_rest:
                await drop_rest(receive)
            await refused.answer.end(send)
            return
        events = None
        with _cancelled_without_client(receive):
            events = await self._respond_by_django(scope, body, send)
        del body
        if events is not None:
            await self._send_events(scope, receive, events, send)

    async def _send_events(self, scope: Scope, receive: Receive, events: Events, send: Send) -> None:
        """The server's own connection reports its end, which saves a task for each stream."""
        sending = self._streams.send(scope, events.headers, events.subscription, send)
        if find_connection(scope) is not None:
            await sending
            return
        with _cancelled_without_client(receive):
            await sending

    async def _respond_by_django(self, scope: Scope, body: bytes, send: Send) -> Events | None:
        """Returns a stream of events, which has not begun."""
        is_login = scope["method"] == "POST" and scope["path"].endswith("/login/")
        lane = self._logins if is_login else self._pages
        try:
            response = await lane.run(call_django, self._application, scope, body, abandon=_close)
        except Busy:
            await build_refusal(scope, 503, BUSY, retry_after=RETRY_SECONDS).send(send)
            return None
        if isinstance(response, Events):
            return response
        if isinstance(response, Answer):
            await response.send(send)
            if len(response.body) > LARGE_BYTES:
                lane.submit(release_memory)
        elif response.is_file:
            await send_stream(scope, response, send, self._pages)
        else:
            await self._exports.send(scope, response, send)
        return None

    def _ask(self, scope: Scope) -> Answer:
        response = call_django(self._application, scope, b"")
        if not isinstance(response, Answer):
            raise TypeError(f"{scope['path']} is a stream")
        return response


@contextlib.contextmanager
def _cancelled_without_client(receive: Receive) -> Iterator[None]:
    """Cancels what is within as soon as the client has gone, and ends quietly then."""
    task = asyncio.current_task()
    is_gone = False

    async def watch() -> None:
        nonlocal is_gone
        while (await receive())["type"] != "http.disconnect":
            pass
        is_gone = True
        if task is not None:
            task.cancel()

    watcher = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        if not is_gone:
            raise
        if task is not None:
            task.uncancel()
    finally:
        watcher.cancel()


def _close(response: Answer | Stream | Events) -> None:
    if isinstance(response, Stream):
        response.close()
    elif isinstance(response, Events):
        response.subscription.close()
