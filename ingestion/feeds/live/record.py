"""Writes what a page shows of the live feed: a row for each session, and one for the feed of each dataset.

Rows are written when something changes, and about every two seconds. Events are recorded in their order, so what a
session states as closed is stored when it is written.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from ingestion.feeds.live.lock import describe_process
from ingestion.feeds.live.messages import (
    SessionAccepted,
    SessionEnded,
    SessionPlan,
    SessionProgress,
    SessionStarted,
    StateChanged,
)
from ingestion.feeds.live.planning.hours import from_ns
from marketdata.models import FeedSession, FeedSessionSeries, FeedStatus, Series
from marketdata.runs.commits import read_database_time

CHANNEL = "market_feeds"
INTERVAL_SECONDS = 2.0
_USUAL_OFFSET = timedelta(minutes=5)  # a gateway states no time for as long as a heartbeat
_MAX_PROCESS = 255
_NOT_LIVE = "No series of the dataset is live."
_DIED = "The process of stream_live ended without closing the session."
# Ends that are no failure of the connection.
_EXPECTED = {FeedSession.End.ROLL, FeedSession.End.STOPPED, FeedSession.End.REPLAY}


@dataclass
class _Feed:
    """The status of a dataset, and the session that is open."""

    state: str = FeedStatus.State.CONNECTING
    since: datetime | None = None
    reason: str = ""
    session: FeedSession | None = None
    key: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    sessions: int = 0
    reconnects: int = 0
    last_end: str = ""
    unresolved: tuple[str, ...] = ()


class Recorder:
    """The rows of one process, while it holds the lock."""

    def __init__(self) -> None:
        self._started_at = read_database_time()
        self._feeds: dict[str, _Feed] = {}
        self._datasets: dict[str, str] = {}  # by the keys of sessions
        self._written = 0.0
        self.spool_files = 0

    def close_died(self) -> None:
        """Close the sessions of processes that died. The caller holds the lock, so that no session is open."""
        now = read_database_time()
        for session in FeedSession.objects.filter(ended_at=None):
            last = session.last_byte_at or session.accepted_at or session.started_at
            ended = max(session.started_at, min(last, now))
            FeedSession.objects.filter(pk=session.pk).update(ended_at=ended, end=FeedSession.End.DIED, error=_DIED)

    def stop_others(self, datasets: Iterable[str]) -> None:
        """The feeds of other datasets, which an earlier process received."""
        others = FeedStatus.objects.exclude(dataset__in=list(datasets)).exclude(state=FeedStatus.State.STOPPED)
        others.update(state=FeedStatus.State.STOPPED, since=read_database_time(), reason=_NOT_LIVE)

    def find_session(self, dataset: str, started_at: datetime) -> int:
        """The number of the session that started then. One whose process died before it was recorded is made."""
        found = FeedSession.objects.filter(dataset=dataset, started_at=started_at).order_by("-pk").first()
        if found is None:
            found = FeedSession.objects.create(
                dataset=dataset,
                gateway="",
                started_at=started_at,
                ended_at=started_at,
                end=FeedSession.End.DIED,
                error=_DIED,
            )
        return found.pk

    def has_session(self, key: str) -> bool:
        """Whether this process started a session with this key."""
        return key in self._datasets

    def get_session(self, key: str) -> int:
        """The number of the session with this key, which this process started."""
        session = self._feeds[self._datasets[key]].session
        assert session is not None
        return session.pk

    def get_dataset(self, key: str) -> str:
        """The dataset of the session."""
        return self._datasets[key]

    # --- Events ------------------------------------------------------------------------------------------------------

    def start_session(self, event: SessionStarted) -> None:
        """A connection is begun: its row, with its series."""
        feed = self._get(event.dataset)
        with transaction.atomic():
            session, _ = FeedSession.objects.get_or_create(
                dataset=event.dataset,
                started_at=event.at,
                defaults={"gateway": event.gateway, "asked_start": from_ns(event.plan.asked_start_ns)},
            )
            rows = _list_series(session, event.plan)
            known = set(Series.objects.filter(pk__in=[row.series_id for row in rows]).values_list("pk", flat=True))
            FeedSessionSeries.objects.bulk_create(
                [row for row in rows if row.series_id in known], ignore_conflicts=True
            )
        feed.session, feed.key, feed.unresolved = session, event.key, ()
        feed.reconnects += feed.sessions > 0 and feed.last_end not in _EXPECTED
        feed.sessions += 1
        self._datasets[event.key] = event.dataset
        self.write(event.dataset)

    def accept_session(self, event: SessionAccepted) -> None:
        """The gateway accepted the session."""
        session = self._feeds[self._datasets[event.key]].session
        assert session is not None
        session.gateway_session, session.accepted_at = event.gateway_session[:64], event.at
        session.save(update_fields=["gateway_session", "accepted_at"])

    def advance_session(self, event: SessionProgress) -> None:
        """What the session has received. Written with the next status."""
        feed = self._feeds[self._datasets[event.key]]
        session = feed.session
        assert session is not None
        session.bars, session.repeated, session.late = event.bars, event.repeated, event.late
        session.quarantined, session.replayed_at = event.quarantined, event.replayed_at
        session.closed_until, session.replay_from = from_ns(event.closed_until_ns), from_ns(event.replay_from_ns)
        session.last_bar_ts, session.last_byte_at = from_ns(event.last_bar_ns), event.last_byte_at
        session.unproven = [minute for minute in map(from_ns, event.unproven) if minute]
        feed.unresolved = event.unresolved
        news = {
            "gateway_time": from_ns(event.gateway_time_ns),
            "last_byte_at": event.last_byte_at,
            "last_bar_ts": session.last_bar_ts,
            "stored_until": session.closed_until,
        }
        feed.values |= {name: value for name, value in news.items() if value is not None}

    def end_session(self, event: SessionEnded) -> None:
        """The session ended, and why."""
        feed = self._feeds[self._datasets[event.key]]
        session = feed.session
        assert session is not None
        session.ended_at, session.end, session.error = max(event.at, session.started_at), event.why, event.sentence
        _save(session, feed.unresolved)
        feed.last_end = event.why
        self.write(self._datasets[event.key])

    def change_state(self, event: StateChanged) -> bool:
        """The state of a dataset. Returns whether it differs from the last one."""
        feed = self._get(event.dataset)
        changed = (feed.state, feed.reason) != (event.state, event.reason) or feed.since is None
        if feed.state != event.state or feed.since is None:
            feed.since = event.at
        feed.state, feed.reason = event.state, event.reason
        self.write(event.dataset, notify=changed)
        return changed

    def record_lag(self, dataset: str, arrived_at: datetime) -> None:
        """A batch that arrived then is committed now."""
        lag = datetime.now(UTC) - arrived_at
        self._get(dataset).values["lag_ms"] = max(0, round(lag / timedelta(milliseconds=1)))

    # --- Rows --------------------------------------------------------------------------------------------------------

    def write_if_due(self) -> None:
        """Write all rows if the last time is long enough ago."""
        if time.monotonic() - self._written < INTERVAL_SECONDS:
            return
        for dataset, feed in self._feeds.items():
            if feed.session is not None and feed.session.ended_at is None:
                _save(feed.session, feed.unresolved)
            self.write(dataset, notify=False)
        self._written = time.monotonic()

    def write(self, dataset: str, *, notify: bool = True) -> None:
        """Write the status of a dataset; with `notify`, those who listen hear of it when it is committed."""
        feed = self._get(dataset)
        now = read_database_time()
        fields = {
            "state": feed.state,
            "since": feed.since or now,
            "reason": feed.reason,
            "seen_at": now,
            "session": feed.session,
            "spool_files": self.spool_files,
            "sessions": feed.sessions,
            "reconnects": feed.reconnects,
            "process": describe_process()[:_MAX_PROCESS],
            "started_at": self._started_at,
            **feed.values,
        }
        with transaction.atomic():
            FeedStatus.objects.update_or_create(dataset=dataset, defaults=fields)
            if notify:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, dataset])

    def stop(self, dataset: str, reason: str) -> None:
        """No session of the dataset follows."""
        self.change_state(StateChanged(dataset, FeedStatus.State.STOPPED, reason, datetime.now(UTC)))

    def stop_all(self, reason: str) -> None:
        """The process ends."""
        for dataset, feed in self._feeds.items():
            if feed.state != FeedStatus.State.STOPPED:
                with contextlib.suppress(KeyError):
                    self.stop(dataset, reason)

    def _get(self, dataset: str) -> _Feed:
        return self._feeds.setdefault(dataset, _Feed())


def read_offsets() -> dict[str, timedelta]:
    """By how much the gateway of each dataset was ahead of this machine, where that is more than some minutes."""
    rows = FeedStatus.objects.filter(gateway_time__isnull=False, last_byte_at__isnull=False)
    times = rows.values_list("dataset", "gateway_time", "last_byte_at")
    offsets = {dataset: stated - at for dataset, stated, at in times if stated and at}
    return {dataset: offset for dataset, offset in offsets.items() if abs(offset) > _USUAL_OFFSET}


def _save(session: FeedSession, unresolved: tuple[str, ...]) -> None:
    """Write what the session received. It proves nothing about symbols that the gateway did not resolve."""
    with transaction.atomic():
        session.save()
        if unresolved:
            FeedSessionSeries.objects.filter(session=session, vendor_symbol__in=unresolved).delete()


def _list_series(session: FeedSession, plan: SessionPlan) -> list[FeedSessionSeries]:
    return [
        FeedSessionSeries(
            series_id=one.series_id,
            session=session,
            vendor_symbol=one.vendor_symbol,
            stype_in=one.stype,
            start=from_ns(one.start_ns),
            end=from_ns(one.end_ns),
        )
        for one in plan.subscriptions
    ]
