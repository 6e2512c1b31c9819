"""Which contract a continuous symbol stands for on which days, from the vendor's free symbology call.

The gateway maps a continuous symbol once, when a session starts. A replay over a roll would bring the new contract for
old minutes, so each contract is subscribed to by its raw symbol.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

from ingestion.feeds.asks import MappedContract
from ingestion.feeds.errors import FeedRefused, NotYetAvailable
from marketdata.models import FeedSessionSeries, Series

logger = logging.getLogger(__name__)

_DAY = timedelta(days=1)
# A symbol that is not resolved for now keeps its last contract for so long, then it is resolved again.
EXTENSION = timedelta(minutes=15)


class Resolves(Protocol):
    """The part of `Vendor` that this module uses."""

    def resolve(
        self, dataset: str, symbols: Sequence[str], first: date, stop: date
    ) -> dict[str, list[MappedContract]]: ...


@dataclass(frozen=True)
class Contract:
    """The raw symbol that a continuous symbol stands for from `start` to `stop`, UTC."""

    raw_symbol: str
    start: datetime
    stop: datetime


@dataclass
class ContractBook:
    """The contracts of the continuous symbols of one dataset, in time order, as they were last resolved.

    `day`: the UTC day for which they were resolved; None if they never were.
    """

    dataset: str
    day: date | None = None
    contracts: dict[str, list[Contract]] = field(default_factory=dict)

    def is_current(self, symbols: Collection[str], now: datetime) -> bool:
        """Whether all symbols were resolved for the day of `now`: without symbols, there is nothing to ask."""
        return not symbols or (self.day == now.date() and all(symbol in self.contracts for symbol in symbols))

    def update(self, found: dict[str, list[MappedContract]], symbols: Iterable[str], day: date) -> None:
        """Replace the contracts by what the vendor answered for the day. A symbol that it lacks keeps its last ones."""
        self.day = day
        for symbol in symbols:
            stated = [
                Contract(one.raw_symbol, _midnight(one.first), _midnight(one.stop)) for one in found.get(symbol, [])
            ]
            known = stated or self.contracts.get(symbol, [])
            self.contracts[symbol] = join_contracts(known)

    def list_between(self, symbol: str, start: datetime, now: datetime) -> list[Contract]:
        """The contracts of [start, now], in time order. The first reaches back to `start`.

        The last one is extended where none is known for `now`. Empty if nothing was ever resolved.
        """
        known = [one for one in self.contracts.get(symbol, []) if one.start <= now]
        if not known:
            return []
        first, last = known[0], known[-1]
        known[0] = Contract(first.raw_symbol, min(first.start, start), first.stop)
        if last.stop <= now:
            known[-1] = Contract(last.raw_symbol, known[-1].start, now.replace(second=0, microsecond=0) + EXTENSION)
        return [one for one in known if one.stop > start]


def ask_contracts(vendor: Resolves, dataset: str, symbols: Sequence[str], day: date) -> dict[str, list[MappedContract]]:
    """The contracts from the day before to the day after, or to the day itself if the vendor refuses a later end."""
    try:
        return vendor.resolve(dataset, symbols, day - _DAY, day + 2 * _DAY)
    except (FeedRefused, NotYetAvailable) as error:
        if getattr(error, "status", None) in (401, 402, 403):
            raise
        logger.info("%s is resolved without tomorrow: %s", dataset, error)
        return vendor.resolve(dataset, symbols, day - _DAY, day + _DAY)


def read_last_contracts(series: Iterable[Series]) -> dict[str, list[Contract]]:
    """The contracts of the last session of each continuous series, by its symbol: for a vendor that does not answer."""
    found: dict[str, list[Contract]] = {}
    for one in series:
        rows = FeedSessionSeries.objects.filter(series=one, stype_in=Series.Stype.RAW_SYMBOL).select_related("session")
        last = rows.order_by("-session_id").first()
        if last is None:
            continue
        of_session = rows.filter(session=last.session)
        contracts = [
            Contract(row.vendor_symbol, row.start or row.session.started_at, row.end or row.session.started_at)
            for row in of_session
        ]
        found[one.feed_symbol] = sorted(contracts, key=lambda contract: contract.start)
    return found


def join_contracts(contracts: Sequence[Contract]) -> list[Contract]:
    """Neighbours with one raw symbol are one, across days on which nothing is resolved, such as Saturdays."""
    joined: list[Contract] = []
    for one in contracts:
        if joined and joined[-1].raw_symbol == one.raw_symbol:
            joined[-1] = Contract(one.raw_symbol, joined[-1].start, max(joined[-1].stop, one.stop))
        else:
            joined.append(one)
    return joined


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
