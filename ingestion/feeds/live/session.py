"""One connection to the gateway, from connecting to its end, on the vendor's protocol class.

That class only decodes here. Every end is a result, never an exception; the socket is aborted at each of them, since
the vendor's client leaves it open after silence. Bytes must arrive in time from connecting on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import socket
import time
from dataclasses import dataclass
from typing import Any, Protocol

import databento_dbn
from databento.live.protocol import DatabentoLiveProtocol

from ingestion.errors import IngestError, is_failure
from ingestion.feeds.key import SET_KEY, read_key
from ingestion.feeds.live.messages import SessionPlan, Subscription
from ingestion.feeds.live.options import LiveOptions

logger = logging.getLogger(__name__)

TICK = 0.1  # seconds

_CLOSE_SECONDS = 1.0
_ERROR_SECONDS = 10.0  # between an error and the end that it explains
_CONNECTIONS = ("connection limit", "open connection", "too many connection", "maximum connection")
_LICENSE = ("licens", "licenc", "entitle", "not permitted", "permission", "plan ", "not authorized for")
_TEMPORARY = ("internal", "unavailable", "try again", "timeout", "timed out", "overload", "maintenance", "busy")
# Codes of the gateway's errors after which no other session can succeed, and what to do.
_FATAL = {
    "AUTH_FAILED": f"check the key: {SET_KEY}",
    "API_KEY_DEACTIVATED": f"the key was deactivated: {SET_KEY}",
    "CONNECTION_LIMIT_EXCEEDED": "end other programs that use the live gateway with this account, then start again",
    "INVALID_SUBSCRIPTION": "check the subscriptions of the live series in the admin",
}
_SKIPPED, _AGED_OUT = "SKIPPED_RECORDS_AFTER_SLOW_READING", "REPLAY_DATA_AGED_OUT"


@dataclass(frozen=True)
class Ended:
    """Why a session ended: a `FeedSession.End`, and a sentence. `is_fatal`: another session would end in the same way
    until a person changes something. `is_aged_out`: the gateway does not replay that far back."""

    why: str
    sentence: str
    is_fatal: bool = False
    is_aged_out: bool = False


class SessionListener(Protocol):
    """Receives what a session brings. An `IngestError` that a method raises ends the session."""

    def accept(self, gateway_session: str) -> None:
        """The gateway accepted the key."""

    def receive(self, record: Any) -> None:
        """A record of the vendor's library, of any kind."""

    def skip(self) -> None:
        """The gateway left out records."""

    def check(self) -> Ended | None:
        """Called several times a second. A result ends the session."""


class _Gateway(DatabentoLiveProtocol):
    """Decodes what arrives. `ended` has the reason as soon as the connection is of no use."""

    def __init__(self, key: str, dataset: str, heartbeat: int, listener: SessionListener) -> None:
        super().__init__(key, dataset, heartbeat_interval_s=heartbeat)
        self._listener = listener
        self.ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self.bytes_at = self.records_at = time.monotonic()
        self._error: tuple[str, str, float] | None = None  # code, text and time of the gateway's last error

    def end(self, ended: Ended) -> None:
        """The first reason counts."""
        if not self.ended.done():
            self.ended.set_result(ended)

    def buffer_updated(self, nbytes: int) -> None:
        self.bytes_at = time.monotonic()
        if self.ended.done():
            return
        try:
            super().buffer_updated(nbytes)
        except BaseException as error:
            if not is_failure(error):
                raise
            self.end(Ended("garbage", "The gateway sent bytes that are no records."))

    def received_metadata(self, metadata: databento_dbn.Metadata) -> None:
        self.records_at = time.monotonic()
        if not self.metadata_received.done():
            super().received_metadata(metadata)

    def received_record(self, record: Any) -> None:
        self.records_at = time.monotonic()
        if self.ended.done():
            return
        if isinstance(record, databento_dbn.ErrorMsg):
            self._receive_error(record)
        try:
            self._listener.receive(record)
        except IngestError as error:
            self.end(Ended("error", str(error)))
        except Exception:
            logger.exception("A record could not be processed")
            self.end(Ended("error", "A record could not be processed: the log has the failure."))

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.disconnected.exception()  # so that asyncio does not report it as never retrieved
        if self.authenticated.done() and self.authenticated.exception():
            self.end(refuse_authentication(str(self.authenticated.exception())))
        elif self._error and time.monotonic() - self._error[2] < _ERROR_SECONDS:
            code, text, _ = self._error
            self.end(Ended("error", f"The gateway ended the session: {text}.", is_aged_out=code == _AGED_OUT))
        elif exc is not None:
            reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else type(exc).__name__
            self.end(Ended("reset", f"The connection was lost: {reason}."))
        else:
            self.end(Ended("eof", "The gateway closed the connection."))

    def _receive_error(self, record: databento_dbn.ErrorMsg) -> None:
        code, text = read_error(record)
        if advice := _FATAL.get(code):
            self.end(Ended("refused", f"The gateway refuses the session ({text}): {advice}.", is_fatal=True))
        elif code == _SKIPPED:
            self._listener.skip()
        elif code != "SYMBOL_RESOLUTION_FAILED":
            self._error = code, text, time.monotonic()


def read_error(record: databento_dbn.ErrorMsg) -> tuple[str, str]:
    """The name of the code, empty for an unknown one, and the text as a line without its stop."""
    text = " ".join(str(record.err).split()).rstrip(".") or "no reason is given"
    return str(getattr(record.code, "name", "")), text[:200]


def refuse_authentication(text: str) -> Ended:
    """The end of a session that the gateway did not accept. Failures of the gateway itself pass; others do not."""
    reason = " ".join(text.split()).rstrip(".")[:200]
    reason = "no reason is given" if reason in ("", "None") else reason
    if any(words in reason.lower() for words in _TEMPORARY):
        return Ended("refused", f"The gateway did not accept the session: {reason}.")
    advice = _FATAL["AUTH_FAILED"]
    if any(words in reason.lower() for words in _CONNECTIONS):
        advice = _FATAL["CONNECTION_LIMIT_EXCEEDED"]
    elif any(words in reason.lower() for words in _LICENSE):
        advice = "check on the portal of Databento that the account may receive the dataset live"
    return Ended("refused", f"The gateway refuses the session ({reason}): {advice}.", is_fatal=True)


async def run_session(plan: SessionPlan, options: LiveOptions, listener: SessionListener) -> Ended:
    """Receive until the connection ends, bytes are late, or the listener ends it. Raises `KeyMissing`, nothing else.

    The connection is closed when this returns.
    """
    gateway = _Gateway(read_key(), plan.dataset, options.heartbeat, listener)
    name = options.format_gateway(plan.dataset)
    try:
        try:
            async with asyncio.timeout(options.connect):
                if ended := await _connect(gateway, plan, options, listener):
                    return ended
        except TimeoutError:
            return gateway.ended.result() if gateway.ended.done() else _describe_timeout(gateway, name, options)
        return await _receive(gateway, options, listener)
    except IngestError as error:
        return Ended("error", str(error))
    finally:
        await _abort(gateway)


async def _connect(
    gateway: _Gateway, plan: SessionPlan, options: LiveOptions, listener: SessionListener
) -> Ended | None:
    """Until the gateway has sent the metadata. A result if the session ended before."""
    if ended := await _open_connection(gateway, plan, options, listener):
        return ended
    if ended := await _wait(gateway, gateway.authenticated, listener):
        return ended
    if refusal := gateway.authenticated.exception():
        return refuse_authentication(str(refusal))
    listener.accept(str(gateway.authenticated.result() or ""))
    for number, (stype, start, symbols) in enumerate(group_subscriptions(plan.subscriptions)):
        gateway.subscribe("ohlcv-1m", symbols, stype, start=start, subscription_id=number)
    gateway.start()
    return await _wait(gateway, gateway.metadata_received, listener)


async def _open_connection(
    gateway: _Gateway, plan: SessionPlan, options: LiveOptions, listener: SessionListener
) -> Ended | None:
    """Until the gateway accepts the connection. A result if it does not, or if the listener ends the session first: a
    name server may take longer than a process has to end."""
    loop, host = asyncio.get_running_loop(), options.find_host(plan.dataset)
    connecting = asyncio.ensure_future(loop.create_connection(lambda: gateway, host, options.port))
    try:
        while not connecting.done():
            await asyncio.wait({connecting}, timeout=TICK)
            if not connecting.done() and (ended := listener.check()):
                return ended
        connecting.result()
    except OSError as error:
        reason = describe_connect_error(error)
        return Ended("unreachable", f"{options.format_gateway(plan.dataset)} does not accept connections: {reason}.")
    finally:
        connecting.cancel()
    return None


def describe_connect_error(error: OSError) -> str:
    """The system's reason, such as `Connection refused`. asyncio states addresses instead, and several in one text."""
    found = re.search(r"\[Errno (\d+)\]", str(error))
    if found and not isinstance(error, socket.gaierror):
        return os.strerror(int(found[1]))
    return error.strerror or str(error) or type(error).__name__


async def _wait(gateway: _Gateway, step: asyncio.Future[Any], listener: SessionListener) -> Ended | None:
    """Until a step is done. A result if the session ends first."""
    while not step.done():
        await asyncio.wait({step, gateway.ended}, timeout=TICK, return_when=asyncio.FIRST_COMPLETED)
        if gateway.ended.done():
            return gateway.ended.result()
        if ended := listener.check():
            return ended
    return None


async def _receive(gateway: _Gateway, options: LiveOptions, listener: SessionListener) -> Ended:
    limit = options.heartbeat + options.silence
    while True:
        await asyncio.wait({gateway.ended}, timeout=TICK)
        if gateway.ended.done():
            return gateway.ended.result()
        now = time.monotonic()
        if now - gateway.bytes_at > limit:
            return Ended("silent", f"The gateway sent nothing for {limit:g} seconds.")
        if now - gateway.records_at > limit:
            return Ended("garbage", f"The gateway sent bytes, but no record for {limit:g} seconds.")
        if ended := listener.check():
            return ended


def group_subscriptions(subscriptions: tuple[Subscription, ...]) -> list[tuple[str, int | None, list[str]]]:
    """What to subscribe: type of symbol, start, symbols. A symbol of several series is subscribed once, from the
    earliest of their starts."""
    starts: dict[tuple[str, str], int | None] = {}
    for one in subscriptions:
        key = one.stype, one.vendor_symbol
        known = [start for start in (starts.get(key), one.start_ns) if start is not None]
        starts[key] = min(known, default=None)
    groups: dict[tuple[str, int | None], list[str]] = {}
    for (stype, symbol), start in starts.items():
        groups.setdefault((stype, start), []).append(symbol)
    return [(stype, start, symbols) for (stype, start), symbols in groups.items()]


def _describe_timeout(gateway: _Gateway, name: str, options: LiveOptions) -> Ended:
    if gateway.is_streaming:
        return Ended("silent", f"{name} accepted the session, but sent no data within {options.connect:g} seconds.")
    with contextlib.suppress(ValueError):
        if gateway.transport:
            return Ended("silent", f"{name} did not answer within {options.connect:g} seconds.")
    return Ended("unreachable", f"{name} did not accept the connection within {options.connect:g} seconds.")


async def _abort(gateway: _Gateway) -> None:
    """Close the socket now, whatever the gateway does, and wait until it is closed."""
    with contextlib.suppress(ValueError):  # no connection was made
        gateway.transport.abort()
        await asyncio.wait({gateway.disconnected}, timeout=_CLOSE_SECONDS)
    for future in (gateway.authenticated, gateway.metadata_received, gateway.disconnected):
        if future.done():
            future.exception()
        else:
            future.cancel()
