"""The plan of the next session of a dataset, from what is stored and the contracts that are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ingestion.feeds.errors import FeedRefused
from ingestion.feeds.live.messages import SessionPlan, Subscription
from ingestion.feeds.live.planning.contracts import ContractBook
from ingestion.feeds.live.planning.hours import list_open_hours, to_ns
from ingestion.feeds.live.planning.series import is_expired
from ingestion.feeds.live.planning.starts import REPLAY_WINDOW, Start, find_starts
from ingestion.feeds.live.planning.unproven import find_unproven
from marketdata.formatting import format_list
from marketdata.models import Series


@dataclass(frozen=True)
class PlannedSession:
    """A plan, with the starts that it has, and the series that it lacks: the vendor resolves no contract of theirs, or
    they have expired."""

    plan: SessionPlan
    starts: list[Start]
    left_out: list[Series]


def plan_session(
    dataset: str,
    series: Sequence[Series],
    book: ContractBook,
    now: datetime,
    known: Mapping[int, datetime | None] | None = None,
) -> PlannedSession:
    """What the session asks for, by the gateway's time `now`. `known`: as for `find_starts`.

    Raises `FeedRefused` if nothing is left to subscribe to.
    """
    alive = [one for one in series if not is_expired(one, now.date())]
    starts = find_starts(alive, now, known)
    subscriptions, replan, left_out = [], [], [one for one in series if one not in alive]
    for one in starts:
        found = _subscribe(one, book, now)
        subscriptions += found
        if not found:
            left_out.append(one.series)
        replan += [sub.end_ns for sub in found if sub.end_ns is not None and sub.end_ns > to_ns(now)]
    if not subscriptions:
        names = format_list([one.feed_symbol for one in left_out])
        raise FeedRefused(
            f"No contract of {names} trades on {now:%Y-%m-%d} in {dataset}: correct the subscriptions of these series."
        )
    hours = list_open_hours(alive, min(one.start for one in starts), now)
    unproven = find_unproven(dataset, now - REPLAY_WINDOW)
    plan = SessionPlan(dataset, tuple(subscriptions), hours, min(replan, default=None), unproven)
    return PlannedSession(plan, starts, left_out)


def list_continuous(series: Sequence[Series]) -> list[str]:
    """The symbols that must be resolved, each once."""
    found = [one.feed_symbol for one in series if one.feed_stype == Series.Stype.CONTINUOUS]
    return list(dict.fromkeys(found))


def _subscribe(start: Start, book: ContractBook, now: datetime) -> list[Subscription]:
    series = start.series
    own = (series.pk, series.symbol, series.feed_symbol, series.feed_stype)
    if series.feed_stype != Series.Stype.CONTINUOUS:
        return [Subscription(*own, series.feed_symbol, series.feed_stype, to_ns(start.start))]
    contracts = book.list_between(series.feed_symbol, start.start, now)
    return [
        Subscription(
            *own,
            one.raw_symbol,
            Series.Stype.RAW_SYMBOL.value,
            to_ns(max(start.start, one.start)),
            from_ns=to_ns(one.start) if one.start > start.start else None,
            end_ns=to_ns(one.stop),
        )
        for one in contracts
    ]
