"""Where alerts go: the log, the services of NOTIFY_URLS, and the signed webhook. No message shows a URL or a secret."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

TIMEOUT_SECONDS = 10
SIGNATURE = "X-Barkeep-Signature"
DELIVERY = "X-Barkeep-Delivery"
_MAX_REASON = 200

logger = logging.getLogger("marketdata.alerts")


class NotDelivered(Exception):
    """A channel did not accept a message; the text is why, without a secret. `after`: when to try again, seconds.
    `may_have_arrived`: the channel got the message and did not answer in time."""

    def __init__(self, reason: str, *, after: float | None = None, may_have_arrived: bool = False) -> None:
        super().__init__(reason)
        self.after, self.may_have_arrived = after, may_have_arrived


class UnknownService(Exception):
    """An address of NOTIFY_URLS cannot be used; a sentence without the address."""


@dataclass(frozen=True)
class Message:
    """What a channel sends. `payload` is the webhook's object."""

    subject: str
    body: str
    severity: str
    payload: dict[str, Any]


class Channel(Protocol):
    """`waits`: whether quiet hours and the digest hold for it."""

    name: str
    waits: bool

    def send(self, message: Message) -> None:
        """Raises `NotDelivered`."""


def list_channels() -> Sequence[Channel]:
    """The channels of the settings. The log is always one."""
    channels: list[Channel] = [LogChannel()]
    channels += [AppriseChannel(url) for url in settings.NOTIFY_URLS]
    if settings.NOTIFY_WEBHOOK_URL:
        channels.append(WebhookChannel())
    return channels


@sensitive_variables()
def require_channels() -> None:
    """Raise `UnknownService` for the first address of NOTIFY_URLS that apprise does not understand."""
    if not settings.NOTIFY_URLS:
        return
    from apprise import Apprise  # takes a second with its services

    for number, url in enumerate(settings.NOTIFY_URLS, start=1):
        if not Apprise().add(url):
            raise UnknownService(
                f"NOTIFY_URLS has an address at place {number} that apprise does not understand: see "
                "https://github.com/caronc/apprise/wiki for the form of each service."
            )


class LogChannel:
    """A line of the log for each alert."""

    name, waits = "log", False

    def send(self, message: Message) -> None:
        level = logging.INFO if message.severity == "info" else logging.WARNING
        logger.log(level, "Alert: %s", message.subject)


class AppriseChannel:
    """A service of apprise: mail, Slack, Telegram and about a hundred others.
    https://github.com/caronc/apprise/wiki"""

    waits = True

    @sensitive_variables("url")
    def __init__(self, url: str) -> None:
        self._url = url
        self.name = f"{urlsplit(url).scheme or 'url'}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"

    @sensitive_variables()
    def send(self, message: Message) -> None:
        from apprise import Apprise, NotifyType  # takes a third of a second to import

        service = Apprise()
        if not service.add(self._url):
            raise NotDelivered("NOTIFY_URLS has an address that apprise does not understand.")
        kind = NotifyType.INFO if message.severity == "info" else NotifyType.WARNING
        if message.severity in ("error", "critical"):
            kind = NotifyType.FAILURE
        if not service.notify(title=message.subject, body=message.body, notify_type=kind):
            raise NotDelivered("The service did not accept the message, or was not reached.")


class WebhookChannel:
    """A POST of JSON, signed with NOTIFY_WEBHOOK_SECRET.

    X-Barkeep-Signature is `t=SECONDS,v1=HEX`, the HMAC-SHA-256 of `SECONDS.BODY`. A receiver refuses an old time, and
    knows a repeated message by X-Barkeep-Delivery.
    """

    name, waits = "webhook", True

    @sensitive_variables("secret")
    def send(self, message: Message) -> None:
        import requests

        body = json.dumps(message.payload, ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Barkeep",
            SIGNATURE: sign(body, settings.NOTIFY_WEBHOOK_SECRET, int(time.time())),
            DELIVERY: str(message.payload.get("delivery_id", "")),
        }
        try:
            response = requests.post(
                settings.NOTIFY_WEBHOOK_URL,
                data=body,
                headers=headers,
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                stream=True,
            )
            response.close()
        except requests.ReadTimeout:
            reason = f"The webhook did not answer within {TIMEOUT_SECONDS} s."
            raise NotDelivered(reason, may_have_arrived=True) from None
        except requests.RequestException as error:
            raise NotDelivered(f"The webhook was not reached ({type(error).__name__}).") from None
        if not response.ok or response.is_redirect:
            raise NotDelivered(
                f"The webhook answered {response.status_code} {response.reason or ''}".strip()[:_MAX_REASON] + ".",
                after=_read_retry_after(response.headers.get("Retry-After", "")),
            )


@sensitive_variables("secret")
def sign(body: bytes, secret: str, at: int) -> str:
    """The signature of a body sent at this time, seconds since 1970."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def _read_retry_after(text: str) -> float | None:
    return float(text) if text.isdecimal() and len(text) < 6 else None
