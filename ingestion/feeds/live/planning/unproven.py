"""Minutes that earlier sessions stored and did not prove. A process that was killed does not remember them."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Min

from ingestion.feeds.live.planning.hours import to_ns
from marketdata.models import FeedSession, IngestRun

_MAX_SESSIONS = 500


def find_unproven(dataset: str, since: datetime) -> tuple[int, ...]:
    """The minutes from `since` on, ns, in time order, that no later session proved.

    Of a session that ended within its replay only the first minute: whether its other bars are right is not known, and
    a session that requests this minute requests all later ones.
    """
    newest = FeedSession.objects.filter(dataset=dataset, accepted_at__isnull=False).order_by("-pk")[:_MAX_SESSIONS]
    unproven: set[datetime] = set()
    for session in reversed(newest):
        start, end = session.replay_from, session.closed_until
        if start is not None and end is not None:
            unproven = {minute for minute in unproven if not start <= minute < end} | set(session.unproven)
        elif first := start or _find_first_stored(session):
            unproven.add(first)
    return tuple(to_ns(minute) for minute in sorted(unproven) if minute >= since)


def _find_first_stored(session: FeedSession) -> datetime | None:
    """The first minute of its bars: a session that is killed in its first second has recorded nothing else."""
    runs = IngestRun.objects.filter(feed_session=session, status=IngestRun.Status.SUCCESS)
    first: datetime | None = runs.aggregate(first=Min("min_ts"))["first"]
    return first
