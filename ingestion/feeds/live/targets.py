"""Which series a bar belongs to, and which of them may share a file.

Continuous series share a file whose mappings have the symbols of the series: each is one instrument on a date. A raw or
a parent symbol has a file of its own, as its download would be, so that its contracts are recognised in the same way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import numpy as np

from ingestion.dbn.layout import NANOSECONDS_PER_DAY, OHLCV
from ingestion.dbn.writer import Header
from ingestion.feeds.live.messages import Subscription
from ingestion.feeds.live.minutes.bars import LiveBar

_CONTINUOUS, _PARENT = "continuous", "parent"
_MAX_SYMBOL = 70  # characters of a symbol in the metadata
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Target:
    """Bars of an instrument belong to the series of `subscription`, in whose file they have the symbol `name`."""

    subscription: Subscription
    name: str

    def accepts(self, minute: int) -> bool:
        """Whether the series has this instrument at a time."""
        first, end = self.subscription.from_ns, self.subscription.end_ns
        return (first is None or minute >= first) and (end is None or minute < end)


@dataclass
class FileContent:
    """The bars of one file: `header` is its metadata, `records` its rows in time order."""

    header: Header
    records: np.ndarray


@dataclass
class _Draft:
    stype: str
    symbols: dict[str, None] = field(default_factory=dict)  # in order
    instruments: dict[str, dict[date, tuple[int, int]]] = field(default_factory=lambda: defaultdict(dict))
    names: dict[int, str] = field(default_factory=dict)
    bars: dict[tuple[int, int, int], LiveBar] = field(default_factory=dict)

    def add(self, target: Target, bars: list[LiveBar]) -> bool:
        """Add the bars, of one instrument and publisher, unless the file would be refused for them. Whether it did."""
        first = bars[0]
        instrument, days = (first.instrument_id, first.publisher_id), {_to_day(bar.minute) for bar in bars}
        if self.names.get(first.instrument_id, target.name) != target.name:
            return False
        known = self.instruments.get(target.name, {})
        if any(known.get(day, instrument) != instrument for day in days):
            return False
        self.instruments[target.name] |= dict.fromkeys(days, instrument)
        self.names[first.instrument_id] = target.name
        self.symbols |= dict.fromkeys(_list_symbols(target))
        self.bars |= {bar.key: bar for bar in bars}
        return True


class Targets:
    """The series of a session's plan, and the instruments that the gateway mapped to them."""

    def __init__(self, dataset: str, subscriptions: Iterable[Subscription]) -> None:
        self._dataset, self._subscriptions = dataset, tuple(subscriptions)
        self._by_instrument: dict[int, list[Target]] = defaultdict(list)

    def add_mapping(self, instrument_id: int, vendor_symbol: str, raw_symbol: str) -> None:
        """The gateway maps an instrument to a subscribed symbol. Other symbols are ignored."""
        known = self._by_instrument[instrument_id]
        for one in self._subscriptions:
            if one.vendor_symbol == vendor_symbol and all(target.subscription is not one for target in known):
                known.append(Target(one, _choose_name(one, raw_symbol)))

    def is_mapped(self, instrument_id: int) -> bool:
        """Whether a subscribed symbol has the instrument."""
        return bool(self._by_instrument.get(instrument_id))

    @property
    def has_mappings(self) -> bool:
        """Whether the gateway has mapped an instrument."""
        return bool(self._by_instrument)

    def is_wanted(self, bar: LiveBar) -> bool:
        """Whether a series has the bar: not if it belongs to another contract of the series by then."""
        return any(target.accepts(bar.minute) for target in self._by_instrument.get(bar.instrument_id, ()))

    def list_single_instruments(self, minute: int) -> Iterator[int]:
        """The instruments at a time of the series that have one: those of no parent symbol."""
        for instrument_id, targets in self._by_instrument.items():
            if any(target.accepts(minute) and target.subscription.stype != _PARENT for target in targets):
                yield instrument_id

    def list_unresolved(self) -> tuple[str, ...]:
        """The subscribed symbols that have no instrument."""
        found = {target.subscription.vendor_symbol for targets in self._by_instrument.values() for target in targets}
        return tuple(sorted({one.vendor_symbol for one in self._subscriptions} - found))

    def build_files(self, bars: Iterable[LiveBar], start_ns: int | None) -> list[FileContent]:
        """The files that hold these bars. `start_ns`: the session's start, None if it has none.

        A file has one instrument and publisher of each series and date: two would be refused, with all others.
        """
        drafts: list[_Draft] = []
        for target, group in self._group(bars):
            stype = target.subscription.feed_stype
            possible = [draft for draft in drafts if draft.stype == stype and _may_share(draft, target)]
            if not any(draft.add(target, group) for draft in possible):
                draft = _Draft(stype)
                draft.add(target, group)
                drafts.append(draft)
        return [self._finish(draft, start_ns) for draft in drafts]

    def _group(self, bars: Iterable[LiveBar]) -> Iterator[tuple[Target, list[LiveBar]]]:
        """The bars of each series by instrument and publisher, in the order of the plan."""
        groups: dict[tuple[int, int, int], tuple[Target, list[LiveBar]]] = {}
        for bar in bars:
            for target in self._by_instrument.get(bar.instrument_id, ()):
                if target.accepts(bar.minute):
                    place = self._subscriptions.index(target.subscription)
                    groups.setdefault((place, *bar.key[1:]), (target, []))[1].append(bar)
        for _, group in sorted(groups.items()):
            yield group

    def _finish(self, draft: _Draft, start_ns: int | None) -> FileContent:
        ordered = sorted(draft.bars.values(), key=lambda bar: bar.key)
        records = np.frombuffer(b"".join(bar.raw for bar in ordered), OHLCV)
        first = ordered[0].minute
        midnight = first // NANOSECONDS_PER_DAY * NANOSECONDS_PER_DAY
        header = Header(
            symbols=list(draft.symbols),
            mappings={name: list(_join_days(days)) for name, days in draft.instruments.items()},
            dataset=self._dataset,
            stype_in=draft.stype,
            # A series then has one row of mapped dates a session and day, not one a minute. Without an end the file
            # states no range, so that no stored bar counts as withdrawn.
            start=min(first, max(midnight, start_ns if start_ns is not None else first)),
            end=None,
        )
        return FileContent(header, records)


def _choose_name(subscription: Subscription, raw_symbol: str) -> str:
    if subscription.feed_stype == _PARENT:
        return raw_symbol
    if _has_shared_file(subscription):
        return subscription.symbol
    return subscription.feed_symbol


def _has_shared_file(subscription: Subscription) -> bool:
    return subscription.feed_stype == _CONTINUOUS and _can_be_stated(subscription.symbol)


def _can_be_stated(symbol: str) -> bool:
    """Whether metadata can have the symbol."""
    return symbol.isascii() and len(symbol) <= _MAX_SYMBOL


def _may_share(draft: _Draft, target: Target) -> bool:
    return _has_shared_file(target.subscription) or set(_list_symbols(target)) <= set(draft.symbols)


def _list_symbols(target: Target) -> tuple[str, ...]:
    """What the file states as requested. It has more than one symbol, so that each row's mapping decides its series:
    with one, another series that claims it would get the bars."""
    subscription = target.subscription
    if _has_shared_file(subscription):
        return target.name, subscription.feed_symbol
    if subscription.feed_stype == _PARENT or not _can_be_stated(subscription.symbol):
        return (subscription.feed_symbol,)
    return subscription.feed_symbol, subscription.symbol


def _join_days(days: dict[date, tuple[int, int]]) -> Iterator[tuple[date, date, int]]:
    """The intervals of a symbol: first day, day after the last, instrument."""
    started: tuple[date, date, int] | None = None
    for day, (instrument_id, _) in sorted(days.items()):
        if started and started[1:] == (day, instrument_id):
            started = started[0], day + _ONE_DAY, instrument_id
            continue
        if started:
            yield started
        started = day, day + _ONE_DAY, instrument_id
    if started:
        yield started


def _to_day(minute: int) -> date:
    return datetime.fromtimestamp(minute // 10**9, UTC).date()
