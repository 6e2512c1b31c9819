"""A TCP proxy in front of the test database that can stop forwarding, without closing a connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from urllib.parse import quote

from django.db import connection


class Proxy:
    """Forwards connections to the test database. `stall` and `stall_existing` end that without closing anything."""

    def __init__(self) -> None:
        connection.ensure_connection()
        self._server = connection.connection.info
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._stalled = threading.Event()
        self._pairs: list[Pair] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        user = quote(self._server.user) + (f":{quote(self._server.password)}" if self._server.password else "")
        return f"postgres://{user}@127.0.0.1:{self.port}/{quote(self._server.dbname)}"

    def stall(self) -> None:
        """From now on no byte is forwarded. New connections are accepted, and nothing comes of them."""
        self._stalled.set()
        self.stall_existing()

    def resume(self) -> None:
        """New connections are forwarded again."""
        self._stalled.clear()

    def stall_existing(self) -> None:
        """From now on no byte of the open connections is forwarded. New connections work."""
        for pair in [*self._pairs]:
            pair.is_stalled = True

    def close(self) -> None:
        with contextlib.suppress(OSError):  # closing alone would not end the thread's accept()
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for pair in [*self._pairs]:
            pair.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._pairs.append(Pair(client, None if self._stalled.is_set() else self._connect()))

    def _connect(self) -> socket.socket:
        host, port = self._server.host, int(self._server.port)
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server


class Pair:
    """A client and its connection to the server, None if it gets none."""

    def __init__(self, client: socket.socket, server: socket.socket | None) -> None:
        self.is_stalled = False
        self._sockets = [client, *([server] if server else [])]
        if server is not None:
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._forward, args=(source, target), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while content := source.recv(65536):
                if self.is_stalled:
                    return
                target.sendall(content)
        if not self.is_stalled:
            self.close()

    def close(self) -> None:
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextlib.contextmanager
def open_proxy() -> Iterator[Proxy]:
    proxy = Proxy()
    try:
        yield proxy
    finally:
        proxy.close()
