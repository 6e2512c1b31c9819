"""The page of live feeds, and the state of live series that the overview polls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from marketdata.command_line import manage
from marketdata.formatting import format_count
from marketdata.live.feeds import Feed, read_feeds
from marketdata.live.query import read_live_rows
from marketdata.live.states import NONE, NOT_RUNNING
from marketdata.live.subscriptions import FollowedSeries, Listed, Part, SubscribedSeries
from marketdata.models import FeedSession, FeedStatus
from marketdata.pages.decorators import page_view
from marketdata.pages.presenters import Moment, moment
from marketdata.runs.commits import read_database_time

MAX_NAMES = 100  # series that the page names
MAX_POLLED = 50  # series of one request: a page of the overview has 20
_GOOD = (FeedStatus.State.LIVE, FeedStatus.State.CLOSED)
_BAD = (FeedStatus.State.STOPPED, NOT_RUNNING, NONE)


@dataclass(frozen=True)
class SessionRow:
    """One session with the gateway."""

    session: FeedSession
    series: Listed[SubscribedSeries]

    @property
    def symbols(self) -> str:
        """mnq MNQZ6, es ESZ6: each series with what was subscribed."""
        names = [f"{one.slug} {one.vendor_symbol}" for one in self.series.rows]
        more = self.series.total - len(names)
        return ", ".join(names) + (f" and {more:,} more" if more else "")

    @property
    def started(self) -> Moment:
        return Moment(self.session.started_at)

    @property
    def ended(self) -> Moment | None:
        return moment(self.session.ended_at)

    @property
    def asked(self) -> Moment | None:
        return moment(self.session.asked_start)

    @property
    def replayed(self) -> Moment | None:
        return moment(self.session.replay_from)

    @property
    def closed(self) -> Moment | None:
        return moment(self.session.closed_until)

    @property
    def why(self) -> str:
        """Why it ended; empty while it is open."""
        return self.session.get_end_display() if self.session.end else ""

    @property
    def faults(self) -> str:
        """2 repeated, 1 late; empty without any."""
        counts = [(getattr(self.session, name), name) for name in ("repeated", "late", "quarantined")]
        return ", ".join(f"{count:,} {name}" for count, name in counts if count)

    @property
    def faults_kind(self) -> str:
        """The class of the counts: on narrow screens a card omits none."""
        return "faults" if self.faults else "faults none"


@dataclass(frozen=True)
class FeedRow:
    """One feed, formatted for display."""

    feed: Feed

    @property
    def kind(self) -> str:
        """The class of its state: success, failed or waiting."""
        return "success" if self.feed.state.state in _GOOD else "failed" if self.is_down else "waiting"

    @property
    def is_down(self) -> bool:
        """Whether stream_live has to be started."""
        return self.feed.state.state in _BAD

    @property
    def open_kind(self) -> str:
        """The class of a session without an end."""
        return "waiting" if self.is_down else "success"

    @property
    def open_text(self) -> str:
        return "open when last seen" if self.is_down else "open"

    @property
    def started_title(self) -> str:
        return "Started" if self.is_down else "Running since"

    @property
    def last_byte(self) -> Moment | None:
        return self._moment("last_byte_at")

    @property
    def last_bar(self) -> Moment | None:
        return self._moment("last_bar_ts")

    @property
    def stored_until(self) -> Moment | None:
        return self._moment("stored_until")

    @property
    def started(self) -> Moment | None:
        return self._moment("started_at")

    def _moment(self, name: str) -> Moment | None:
        return moment(getattr(self.feed.status, name)) if self.feed.status else None

    @property
    def lag(self) -> str:
        """31 ms; empty without one."""
        milliseconds = self.feed.status.lag_ms if self.feed.status else None
        if milliseconds is None:
            return ""
        return f"{milliseconds:,} ms" if milliseconds < 10_000 else f"{milliseconds / 1000:,.0f} s"

    @property
    def spool(self) -> str:
        """What arrived and is not stored yet."""
        count = self.feed.status.spool_files if self.feed.status else 0
        return format_count(count, "batch") if count == 1 else f"{count:,} batches"

    @property
    def series(self) -> Sequence[FollowedSeries]:
        return self.feed.series.rows

    @property
    def more_series(self) -> str:
        """9,900; empty if all are named."""
        count = self.feed.series.total - len(self.series)
        return f"{count:,}" if count else ""

    @property
    def sessions(self) -> list[SessionRow]:
        return [SessionRow(*one) for one in self.feed.sessions]


@page_view
def feeds_page(request: HttpRequest) -> HttpResponse:
    """The live feed of each dataset: its state, figures, series and last sessions."""
    context = {
        "feeds": [FeedRow(feed) for feed in read_feeds(Part(MAX_NAMES))],
        "now": Moment(read_database_time()),
        "manage": manage(),
    }
    return render(request, "pages/feeds.html", context)


@login_required
def live_rows(request: HttpRequest) -> HttpResponse:
    """What the overview polls of its live series, by slug: newest minute, latest close and state."""
    slugs = [slug.replace("\0", "") for slug in request.GET.getlist("series")[:MAX_POLLED]]
    now = read_database_time()
    body = {"now": Moment(now).iso, "series": read_live_rows(slugs, now)}
    return JsonResponse(body, headers={"Cache-Control": "private, no-cache"})
