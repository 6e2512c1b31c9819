"""Sends what is due. A delivery is claimed by a conditional UPDATE, so that two processes never send it at a time."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import uuid4

from django.db import transaction
from django.db.models import Case, F, Q, When
from django.db.models.query import QuerySet

from marketdata.alerts.channels import Channel, Message, NotDelivered, list_channels
from marketdata.alerts.compose import MAX_LISTED, serialize_alert
from marketdata.alerts.rules import rank
from marketdata.models import QualityAlert, QualityDelivery
from marketdata.runs.commits import read_database_time

MAX_ATTEMPTS = 12  # for about half a day
MAX_AT_ONCE = 200
CLAIM_SECONDS = 300  # a sender that has not recorded its outcome by then has died
_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(hours=2)
_STATES = QualityDelivery.State
_GONE = "The settings have no such channel any more."
_REPEAT = "This message may have been sent before: an earlier sender does not know the outcome."

logger = logging.getLogger(__name__)


def deliver_due(*, limit: int = MAX_AT_ONCE, may_go_on: Callable[[], bool] = lambda: True) -> int:
    """Send the deliveries that are due, one message each, those of a digest together. Returns how many were sent.

    `may_go_on` is called before each; what is left is sent by the next call.
    """
    channels = {channel.name: channel for channel in list_channels()}
    sent = 0
    for _ in range(limit):
        if not may_go_on() or not (claimed := _claim()):
            break
        sent += _send(channels.get(claimed[0].channel), claimed)
    return sent


def send_now(alert: QualityAlert) -> list[QualityDelivery]:
    """Send the deliveries of one alert, once each. Returns them with their outcome."""
    channels = {channel.name: channel for channel in list_channels()}
    for key in alert.deliveries.values_list("pk", flat=True):
        if claimed := _claim(key):
            _send(channels.get(claimed[0].channel), claimed)
    return list(alert.deliveries.order_by("pk"))


def _claim(key: int | None = None) -> list[QualityDelivery]:
    """Claim the next delivery that is due, or this one, with the others of its digest. Committed before it is sent."""
    now = read_database_time()
    died = Q(state=_STATES.SENDING, claimed_at__lt=now - timedelta(seconds=CLAIM_SECONDS))
    is_due = Q(state=_STATES.WAITING, due_at__lte=now) | died
    if key is not None:
        is_due &= Q(pk=key)
    claim = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:12]}"
    with transaction.atomic():
        first = QualityDelivery.objects.filter(is_due).order_by("due_at", "pk").select_for_update(skip_locked=True)[:1]
        chosen = list(first)
        if chosen and chosen[0].is_digest:
            same = QualityDelivery.objects.filter(is_due, is_digest=True, channel=chosen[0].channel)
            chosen = list(same.order_by("pk").select_for_update(skip_locked=True))
        keys = [one.pk for one in chosen]
        QualityDelivery.objects.filter(is_due, pk__in=keys).update(
            may_repeat=Case(When(state=_STATES.SENDING, then=True), default=F("may_repeat")),
            state=_STATES.SENDING,
            claimed_at=now,
            claimed_by=claim,
            attempts=F("attempts") + 1,
        )
    return list(_held(keys, claim).select_related("alert").order_by("pk"))


def _held(keys: Sequence[int], claim: str) -> QuerySet[QualityDelivery]:
    """The deliveries that this claim still holds."""
    return QualityDelivery.objects.filter(pk__in=keys, claimed_by=claim, state=_STATES.SENDING)


def _send(channel: Channel | None, claimed: Sequence[QualityDelivery]) -> int:
    """Send one message and record the outcome. Returns the number of alerts that were delivered."""
    first = claimed[0]
    held = _held([one.pk for one in claimed], first.claimed_by)
    if channel is None:
        held.update(state=_STATES.FAILED, error=_GONE)
        return 0
    try:
        channel.send(_compose(claimed))
    except NotDelivered as error:
        if error.may_have_arrived:
            held.update(may_repeat=True)
        _record_failure(held, first, str(error), error.after)
        return 0
    except Exception as error:  # a service's own fault must not end the others' alerts
        logger.debug("Sending to %s failed", first.channel, exc_info=True)
        _record_failure(held, first, f"Sending failed ({type(error).__name__}).", None)
        return 0
    return held.update(state=_STATES.DELIVERED, delivered_at=read_database_time(), error="")


def _record_failure(held: QuerySet[QualityDelivery], first: QualityDelivery, reason: str, after: float | None) -> None:
    """The message is due again after a pause, longer each time, or has failed."""
    if first.attempts >= MAX_ATTEMPTS:
        logger.error("Alert %s was not delivered to %s: %s", first.alert_id, first.channel, reason)
        held.update(state=_STATES.FAILED, error=reason)
        return
    pause = min(_FIRST_PAUSE * 2 ** (first.attempts - 1), _LONGEST_PAUSE)
    if after is not None:
        pause = max(pause, timedelta(seconds=after))
    logger.warning("Alert %s was not delivered to %s, and is tried again: %s", first.alert_id, first.channel, reason)
    held.update(state=_STATES.WAITING, due_at=read_database_time() + pause, error=reason)


def _compose(claimed: Sequence[QualityDelivery]) -> Message:
    alerts = [one.alert for one in claimed]
    may_repeat = any(one.may_repeat for one in claimed)
    payloads = [serialize_alert(one.alert, delivery_id=one.pk, may_repeat=one.may_repeat) for one in claimed]
    if len(alerts) == 1:
        subject, body, payload = alerts[0].subject, alerts[0].body, payloads[0]
    else:
        subject = f"{len(alerts)} alerts, the first at {alerts[0].created_at:%Y-%m-%d %H:%M} UTC"
        body = "\n\n".join(f"{alert.subject}\n{alert.body}" for alert in alerts[:MAX_LISTED])
        if len(alerts) > MAX_LISTED:
            body += f"\n\n… and {len(alerts) - MAX_LISTED:,} more alerts."
        payload = {
            "event": "digest",
            "delivery_id": claimed[0].pk,
            "may_repeat": may_repeat,
            "subject": subject,
            "alerts": payloads,
        }
    if may_repeat:
        body = f"{_REPEAT}\n\n{body}"
    severity = max((alert.severity for alert in alerts), key=rank)
    return Message(subject, body, severity, payload)
