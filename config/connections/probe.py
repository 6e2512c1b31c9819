"""A second, short connection that asks the server about the first one. It never waits longer than it may."""

from __future__ import annotations

import contextlib
import selectors
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psycopg2
from psycopg2 import extensions

_SLICE_SECONDS = 0.25


class Unreachable(Exception):
    """The server did not respond: it refused the connection, or not even that."""


class Refused(Exception):
    """The server responded, but did not accept the connection or the query: too many clients, a missing right."""


class NotNeeded(Exception):
    """The reason for the question has gone."""


class Probe:
    """An open connection. Each query must be answered before the deadline of the probe."""

    def __init__(self, raw: extensions.connection, wait: Callable[[], None]) -> None:
        self._raw, self._wait = raw, wait

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple]:
        with self._raw.cursor() as cursor:
            cursor.execute(sql, parameters)
            self._wait()
            return cursor.fetchall()


@contextlib.contextmanager
def open_probe(
    parameters: Mapping[str, Any], *, seconds: float, is_needed: Callable[[], bool] = lambda: True
) -> Iterator[Probe]:
    """Connect with libpq's `parameters`; connecting and all queries together may take `seconds`.

    Raises `Unreachable`, `Refused`, or `NotNeeded` as soon as `is_needed` returns False.
    """
    deadline = time.monotonic() + seconds
    raw = None
    try:
        raw = psycopg2.connect(**{**parameters, "application_name": "barkeep probe"}, async_=1)
        _wait(raw, deadline, is_needed)
        opened = raw
        yield Probe(opened, lambda: _wait(opened, deadline, is_needed))
    except psycopg2.Error as error:
        text = str(error).strip().partition("\n")[0]
        if error.pgcode or "FATAL" in text:
            raise Refused(text) from error
        raise Unreachable(text) from error
    finally:
        if raw is not None:
            raw.close()


def read_parameters(raw: extensions.connection) -> dict[str, Any]:
    """The parameters with which this connection was opened, for another one to the same server."""
    return {**raw.info.dsn_parameters, "password": raw.info.password}


def is_waiting(raw: extensions.connection | None) -> bool:
    """Whether a statement of the connection waits for the server. Any thread may ask."""
    with contextlib.suppress(psycopg2.Error):
        return raw is not None and raw.get_transaction_status() == extensions.TRANSACTION_STATUS_ACTIVE
    return False


def _wait(raw: extensions.connection, deadline: float, is_needed: Callable[[], bool]) -> None:
    """Until the connection has connected, or has the response to its query."""
    while (state := raw.poll()) != extensions.POLL_OK:
        if time.monotonic() > deadline:
            raise Unreachable("timeout expired")
        if not is_needed():
            raise NotNeeded
        event = selectors.EVENT_READ if state == extensions.POLL_READ else selectors.EVENT_WRITE
        with selectors.DefaultSelector() as selector:  # select() refuses files beyond number 1023
            selector.register(raw, event)
            selector.select(_SLICE_SECONDS)
