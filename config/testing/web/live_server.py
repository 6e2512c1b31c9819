"""A web server of the project in a thread of the tests, on the test database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer
from django.test.testcases import QuietWSGIRequestHandler

from marketdata.stream.hub import hub


@contextmanager
def serve() -> Iterator[str]:
    """Yield the address of the server. Each request closes its own connection to the database."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), QuietWSGIRequestHandler, allow_reuse_address=False)
    server.set_app(WSGIHandler())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        hub.close()  # its thread has a connection to the database
        server.shutdown()
        server.server_close()
        thread.join()
