"""The front's decisions, on an event loop of the test's own: queues, limits, clients that go, failures."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from django.db import OperationalError
from django.http import HttpResponse, StreamingHttpResponse

from config.tests.web.test_health import build_scope
from config.web import bodies, exports, lanes
from config.web.front import Front

FOUND = HttpResponse(b"found")


class Client:
    """Sends a body, and reads until `gone` is set."""

    def __init__(self, *parts: bytes, is_complete: bool = True) -> None:
        self._messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts or (b"",)]
        self._messages[-1]["more_body"] = not is_complete
        self.gone = asyncio.Event()
        self.received: list = []

    async def receive(self):
        if self._messages:
            return self._messages.pop(0)
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message) -> None:
        self.received.append(message)
        await asyncio.sleep(0)

    @property
    def status(self) -> int:
        return self.received[0]["status"] if self.received else 0

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.received)

    @property
    def is_complete(self) -> bool:
        return bool(self.received) and not self.received[-1].get("more_body", self.received[-1]["type"][-5:] == "start")


def make_front(respond, *, threads: int = 1, limit: int = 1) -> Front:
    def application(environ, start_response):
        response = FOUND if environ["PATH_INFO"] == "/healthz" else respond(environ)
        start_response(f"{response.status_code} Status", list(response.items()))
        return response

    return Front(application, threads=threads, exports=limit)


def request(one: Front, client: Client, path: str = "/api/x", method: str = "GET"):
    return one(build_scope(method, path), client.receive, client.send)


def test_requests_wait_for_a_thread_and_are_then_refused():
    end = threading.Event()

    async def run():
        one = make_front(lambda environ: (end.wait(10), HttpResponse(b"page"))[1])
        first, waiting, late = Client(), Client(), Client()
        running = asyncio.gather(request(one, first), request(one, waiting))
        await asyncio.sleep(0.1)
        one._pages._places._wait_seconds = 0.1
        await request(one, late)
        health = Client()
        await request(one, health, "/healthz")
        end.set()
        await running
        return first, waiting, late, health

    first, waiting, late, health = asyncio.run(run())
    assert (first.body, waiting.body, health.body) == (b"page", b"page", b"found")
    assert (late.status, dict(late.received[0]["headers"])[b"retry-after"]) == (503, b"5")
    assert b'{"detail": "The server is busy' in late.body


def test_logins_delay_only_logins():
    end = threading.Event()

    async def run():
        one = make_front(lambda environ: (environ["PATH_INFO"] != "/login/" or end.wait(10), HttpResponse(b"page"))[1])
        guesses = [Client() for _ in range(20)]
        running = asyncio.gather(*(request(one, guess, "/login/", "POST") for guess in guesses))
        await asyncio.sleep(0.1)
        page = Client()
        await asyncio.wait_for(request(one, page), 5)
        end.set()
        await running
        return page, guesses

    page, guesses = asyncio.run(run())
    assert {client.body for client in (page, *guesses)} == {b"page"}


@pytest.mark.parametrize(
    ("parts", "status"),
    [((b"x" * 600_000, b"x" * 400_000), 200), ((b"x" * 600_000, b"x" * 600_000), 413), ((b"x" * 2_000_000,), 413)],
)
def test_a_body_has_a_limit(parts, status):
    client = Client(*parts)
    asyncio.run(request(make_front(lambda environ: HttpResponse(environ["wsgi.input"].read())), client, method="POST"))
    assert client.status == status
    assert status != 200 or client.body == b"".join(parts)


def test_unfinished_bodies_have_a_limit_together(monkeypatch):
    monkeypatch.setattr(bodies, "MAX_ALL_BYTES", 1_500_000)
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.2)

    async def run():
        one = make_front(lambda environ: HttpResponse(b"page"))
        large = [Client(b"x" * 900_000, is_complete=False) for _ in range(2)]
        await asyncio.gather(*(request(one, client, method="POST") for client in large))
        later = Client(b"x" * 900_000)
        await request(one, later, method="POST")
        return large, later

    large, later = asyncio.run(run())
    assert [client.status for client in large] == [408, 503]
    assert later.status == 200


def test_a_client_that_goes_before_its_body_is_complete_is_not_answered():
    async def run():
        client = Client(b"x", is_complete=False)
        client.gone.set()
        await request(make_front(lambda environ: HttpResponse(b"page")), client, method="POST")
        return client

    assert asyncio.run(run()).received == []


class Export(StreamingHttpResponse):
    """Blocks until `reads` of them were produced; then it fails if it has an error."""

    def __init__(self, count: int, error: Exception | None = None) -> None:
        self.end = threading.Event()
        super().__init__(self._produce(count, error))

    def _produce(self, count, error):
        for _ in range(count):
            yield b"x" * 2000
        if error:
            raise error

    def close(self) -> None:
        super().close()
        self.end.set()


def test_exports_wait_for_a_place_and_are_then_refused(monkeypatch):
    monkeypatch.setattr(exports, "QUEUE_SECONDS", 0.2)

    async def run():
        opened = [Export(100), Export(100)]
        left = list(opened)
        one = make_front(lambda environ: left.pop(0))
        reading, waiting = Client(), Client()
        stopped = asyncio.Event()

        async def read(message):
            reading.received.append(message)
            await stopped.wait()

        running = asyncio.create_task(one(build_scope(path="/api/x"), reading.receive, read))
        await asyncio.sleep(0.1)
        await request(one, waiting)
        stopped.set()
        await running
        return opened, reading, waiting

    opened, reading, waiting = asyncio.run(run())
    assert (waiting.status, dict(waiting.received[0]["headers"])[b"retry-after"]) == (503, b"60")
    assert (reading.body, reading.is_complete) == (b"x" * 200_000, True)
    assert [one.end.wait(5) for one in opened] == [True, True]


def test_a_client_that_goes_frees_its_export_at_once():
    async def run():
        export = Export(1_000_000)
        left = [export, HttpResponse(b"page")]
        one = make_front(lambda environ: left.pop(0))
        client, other = Client(), Client()
        running = asyncio.create_task(request(one, client))
        await asyncio.sleep(0.1)
        client.gone.set()
        await asyncio.wait_for(running, 5)
        await request(one, other)
        return export, client, other

    export, client, other = asyncio.run(run())
    assert export.end.wait(5)
    assert not client.is_complete
    assert other.body == b"page"


@pytest.mark.parametrize(("error", "status"), [(OperationalError("gone"), 503), (ZeroDivisionError(), 500)])
def test_a_failure_before_the_first_block_has_a_status(error, status):
    export, client = Export(0, error), Client()
    asyncio.run(request(make_front(lambda environ: export), client))
    assert (client.status, b"detail" in client.body) == (status, True)
    assert export.end.wait(5)


def test_a_failure_after_it_leaves_the_file_incomplete():
    export, client = Export(3, OperationalError("gone")), Client()
    asyncio.run(request(make_front(lambda environ: export), client))
    assert (client.status, len(client.body), client.is_complete) == (200, 6000, False)
    assert export.end.wait(5)


def test_a_result_that_is_no_longer_wanted_is_closed():
    async def run():
        lane, abandoned = lanes.Lane("test", 1), []
        task = asyncio.create_task(lane.run(time.sleep, 0.2, abandon=abandoned.append))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while not abandoned:
            await asyncio.sleep(0.01)
        lane.close()
        return abandoned

    assert asyncio.run(run()) == [None]


def test_it_starts_and_ends_with_the_server(monkeypatch):
    imported, sent = [], []
    monkeypatch.setattr(exports, "import_libraries", lambda: imported.append(True))

    async def run():
        client = Client(b"", b"")
        await make_front(lambda environ: FOUND)({"type": "lifespan"}, client.receive, _collect(sent))

    asyncio.run(run())
    assert (imported, sent) == ([True], ["lifespan.startup.complete", "lifespan.shutdown.complete"])


def _collect(sent: list):
    async def send(message):
        sent.append(message["type"])

    return send
