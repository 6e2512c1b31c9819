"""Sends requests to the vendor and reads the answers, with limits on time and size.

The vendor's client has no limit for a body that arrives byte by byte, stops at a warning header that is not JSON, and
does not report whether a body had begun. Whether it had decides whether a request is paid for.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.auth import AuthBase

from ingestion.feeds.errors import TryAgain
from ingestion.feeds.refusals import shorten, translate_failure, translate_refusal

MAX_JSON_BYTES = 1 << 26
_MAX_REFUSAL_BYTES = 1 << 16
_BLOCK_SIZE = 1024  # small: a block is waited for as a whole, and the speed is measured between blocks
_MIN_BYTES = 512  # that arrive within the timeout
_WARNINGS = "X-Warning"
_BODY_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)


class BodyFailed(Exception):
    """The body of an answer ended early, stopped, or is too large. The message is the reason, part of a sentence."""


class Transport:
    """Requests with the account's authorisation. `secrets` are removed from all that is reported."""

    def __init__(self, *, auth: AuthBase, secrets: tuple[bytes, ...], timeout: float) -> None:
        self._auth, self._secrets, self._timeout = auth, secrets, timeout
        self._session = requests.Session()

    def send(self, method: str, url: str, **options: Any) -> requests.Response:
        """The complete answer of a request that costs nothing: JSON, with its content read.

        Raises a `FeedError` for anything else. Connections are kept, so that many requests are fast.
        """
        with self.open(method, url, session=self._session, **options) as response:
            try:
                body = b"".join(self.read(response, MAX_JSON_BYTES))
                json.loads(body)
            except BodyFailed as failure:
                raise TryAgain(
                    f"The answer of {_read_host(url)} did not arrive ({failure}): run the command again later.",
                    may_be_charged=True,
                ) from None
            except (ValueError, RecursionError):
                raise TryAgain(
                    f"{_read_host(url)} answered with something that is not JSON: check DATABENTO_HISTORICAL_URL and "
                    "the proxy in between, then run the command again.",
                    may_be_charged=True,
                ) from None
            response._content = body  # what .json() and .content return
            return response

    @contextlib.contextmanager
    def open(
        self, method: str, url: str, *, session: requests.Session | None = None, **options: Any
    ) -> Iterator[requests.Response]:
        """The answer, with its body still to be read, on a connection of its own unless a session is given.

        Raises a `FeedError` if the vendor refuses, or does not answer. Redirects are refused: the key stays here.
        """
        try:
            response = (session or requests).request(
                method,
                url,
                auth=self._auth,
                timeout=(self._timeout, self._timeout),
                allow_redirects=False,
                stream=True,
                **options,
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise translate_failure(error, _read_host(url)) from None  # the cause holds the request with its key
        with response:
            if not 200 <= response.status_code < 300:
                raise translate_refusal(response.status_code, response.headers, self._read_refusal(response))
            yield response

    def read(self, response: requests.Response, max_bytes: int) -> Iterator[bytes]:
        """The body in blocks. Raises `BodyFailed` if it ends early, is too slow or has more than `max_bytes`."""
        received, counted, since = 0, 0, time.monotonic()
        try:
            for block in response.iter_content(_BLOCK_SIZE):
                received += len(block)
                if received > max_bytes:
                    raise BodyFailed(f"it has more than {max_bytes:,} bytes")
                yield block
                now = time.monotonic()
                if now - since > self._timeout:
                    if received - counted < _MIN_BYTES:
                        raise BodyFailed(f"only {received - counted:,} bytes arrived in {now - since:,.0f} s")
                    counted, since = received, now
        except _BODY_ERRORS as error:
            raise BodyFailed(_describe(error, received)) from None

    def read_warnings(self, headers: Mapping[str, str]) -> list[str]:
        """What the vendor states beside the data. A header that is not a list of texts is one warning as it is."""
        text = headers.get(_WARNINGS, "")
        if not text:
            return []
        try:
            stated = json.loads(text)
        except (ValueError, RecursionError):
            stated = text
        texts = stated if isinstance(stated, list) else [stated]
        return [shorten(self._hide(str(text).encode()).decode(errors="replace")) for text in texts]

    def _read_refusal(self, response: requests.Response) -> bytes:
        body = b""
        with contextlib.suppress(BodyFailed):
            for block in self.read(response, _MAX_REFUSAL_BYTES):
                body += block
        return self._hide(body)

    def _hide(self, text: bytes) -> bytes:
        for secret in self._secrets:
            text = text.replace(secret, b"***")
        return text


def _read_host(url: str) -> str:
    return urlsplit(url).hostname or "the vendor"


def _describe(error: Exception, received: int) -> str:
    if "timed out" in str(error):
        return f"it stopped after {received:,} bytes"
    return f"the connection ended after {received:,} bytes"
