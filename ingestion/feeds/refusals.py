"""Turns what the vendor refuses, and how the network fails, into the errors of feeds: one sentence with what to do."""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import requests
import urllib3

from ingestion.feeds.errors import FeedError, FeedRefused, NothingThere, NotYetAvailable, TryAgain
from ingestion.feeds.values import parse_time
from marketdata.formatting import escape_controls

_MAX_TEXT = 300  # characters
_NAMES_AN_END = {
    "dataset_unavailable_range",
    "data_end_after_available_end",
    "data_start_after_available_end",
    "license_not_found_unauthorized",
}
_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)?")
_ADVICE = {
    401: "check DATABENTO_API_KEY on the portal of Databento",
    402: "add funds to the account on the portal of Databento, or allow usage-based billing there",
    403: "check the account and its licences on the portal of Databento",
    404: "check DATABENTO_HISTORICAL_URL, and whether the batch job still exists",
    407: "check the login of the proxy",
    409: "the same request may be in progress: run the command again later",
    422: "check the subscription of the series (dataset, symbol, stype) and the range",
}
_OTHER_ADVICE = "check the subscription of the series and the settings DATABENTO_*"


def translate_refusal(status: int, headers: Mapping[str, str], body: bytes) -> FeedError:
    """The error of an answer that is not a success. `body` may be JSON, text or HTML, or empty."""
    error = _translate(status, headers, body)
    error.status = status
    return error


def _translate(status: int, headers: Mapping[str, str], body: bytes) -> FeedError:
    case, message, payload = _read_detail(body)
    answer = " ".join(filter(None, (str(status), case))) + (f": {message}" if message else "")
    if 300 <= status < 400:
        return FeedRefused(
            f"The vendor's address redirects ({status}), and the key is not sent to other addresses: check "
            "DATABENTO_HISTORICAL_URL, and whether a proxy wants a login."
        )
    if status == 429:
        after = read_retry_after(headers)
        wait = f"; it asks to wait {after:,.0f} s" if after else ""
        return TryAgain(f"The vendor limits requests ({answer}{wait}): run the command again later.", after=after)
    if status == 408 or status >= 500:
        return TryAgain(
            f"The vendor failed to answer ({answer}): run the command again later.", after=read_retry_after(headers)
        )
    if case == "symbology_invalid_request":
        return NothingThere(f"The vendor resolves no symbol in this range ({answer}).")
    if case in _NAMES_AN_END and (end := _find_end(message, payload)):
        return NotYetAvailable(
            f"The vendor's history ends at {end:%Y-%m-%d %H:%M} UTC for this account ({answer}).", end=end
        )
    return FeedRefused(f"The vendor refused the request ({answer}): {_ADVICE.get(status, _OTHER_ADVICE)}.", case=case)


def _read_detail(body: bytes) -> tuple[str, str, dict[str, object]]:
    """The vendor's name of the refusal, its message and its payload; empty where it has none."""
    try:
        detail = json.loads(body)["detail"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return "", "", {}  # HTML of a proxy explains nothing
    if not isinstance(detail, dict):
        return "", shorten(str(detail)), {}
    payload = detail.get("payload")
    case, message = (shorten(str(detail.get(name) or "")) for name in ("case", "message"))
    return case, message, payload if isinstance(payload, dict) else {}


def shorten(text: str) -> str:
    """The text in one line of limited length, without a full stop at its end, and safe to print."""
    line = " ".join(text.split())[:_MAX_TEXT]
    return escape_controls(line).rstrip(". ")


def _find_end(message: str, payload: dict[str, object]) -> datetime | None:
    """The end that a refusal names: in its payload, or the first time of its message."""
    named = payload.get("available_end")
    text = named if isinstance(named, str) else next(iter(_TIME.findall(message)), "")
    return parse_time(text)


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that the vendor asks to wait: stated as such, or as a date. None if it states neither.

    A date is compared with the date of the answer, since this machine's clock may be wrong.
    """
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        return float(text)
    until = _parse_http_date(text)
    now = _parse_http_date(headers.get("Date", "")) or datetime.now(UTC)
    return None if until is None else max(0.0, (until - now) / timedelta(seconds=1))


def _parse_http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def translate_failure(error: Exception, host: str) -> FeedError:
    """The error of a request that got no answer. The request was sent unless the connection failed."""
    causes = list(_list_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes) or "CERTIFICATE_VERIFY" in str(error):
        return FeedRefused(
            f"The certificate of {host} is not trusted: check DATABENTO_HISTORICAL_URL and this machine's clock, or "
            "set REQUESTS_CA_BUNDLE to the certificates of the proxy in between."
        )
    if isinstance(error, ValueError) or not isinstance(error, requests.RequestException):
        return FeedRefused(
            f"No request can be sent to {host} ({type(error).__name__}): check DATABENTO_HISTORICAL_URL, "
            "REQUESTS_CA_BUNDLE and the settings of the proxy."
        )
    for kind, reason in _NOT_SENT:
        if any(isinstance(cause, kind) for cause in causes):
            return TryAgain(f"{host} cannot be reached ({reason}): check the network, then run the command again.")
    reason = "it did not answer in time" if isinstance(error, requests.Timeout) else "the connection ended"
    return TryAgain(f"{host} gave no answer ({reason}): run the command again later.", may_be_charged=True)


_NOT_SENT = (
    (ConnectionRefusedError, "connection refused"),
    (socket.gaierror, "its name is not known"),
    (urllib3.exceptions.NameResolutionError, "its name is not known"),
    (requests.exceptions.ProxyError, "the proxy refuses"),
    (requests.ConnectTimeout, "no connection in time"),
    (urllib3.exceptions.NewConnectionError, "no connection"),
)


def _list_causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error with all that it wraps, in any of the ways that requests and urllib3 wrap errors."""
    waiting, seen = [error], set()
    while waiting:
        found = waiting.pop()
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting += [found.__cause__, found.__context__, getattr(found, "reason", None), *found.args]
