"""A stream as a response. The web front serves it on its event loop; under runserver its thread iterates it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, StreamingHttpResponse

from marketdata.stream.events import COMMENT, MEDIA_TYPE
from marketdata.stream.subscription import Subscription

# In the environ of a request. False: each stream would occupy one of few threads.
CAN_STREAM = "barkeep.can_stream"

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def can_stream(request: HttpRequest) -> bool:
    """Whether this server serves streams. A WSGI server with few threads does not (see config.wsgi)."""
    return bool(request.META.get(CAN_STREAM, True))


class EventStream(StreamingHttpResponse):
    """The events of a subscription; without one the headers only, as HEAD wants them."""

    def __init__(self, subscription: Subscription | None) -> None:
        super().__init__(
            _iterate(subscription) if subscription else (), content_type=MEDIA_TYPE, headers=dict(_HEADERS)
        )
        self.subscription = subscription

    def detach(self) -> Subscription | None:
        """The subscription, which the caller closes. The response may be closed, and must not be iterated."""
        subscription, self.subscription = self.subscription, None
        return subscription

    def close(self) -> None:
        if self.subscription is not None:
            self.subscription.close()
        super().close()


def _iterate(subscription: Subscription) -> Iterator[bytes]:
    """Until the subscription ends. The thread's connection to the database is not needed meanwhile."""
    if not connection.in_atomic_block:
        connection.close()
    signal = threading.Event()
    subscription.attach(subscription.waker, signal)
    seconds = settings.STREAM_HEARTBEAT_SECONDS
    comment_at = time.monotonic() + seconds
    while not subscription.is_dropped:
        signal.clear()
        if frame := subscription.take():
            yield frame
        elif subscription.is_ended:
            return
        elif not signal.wait(max(0.0, comment_at - time.monotonic())):
            comment_at = time.monotonic() + seconds
            yield COMMENT
