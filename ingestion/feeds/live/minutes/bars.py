"""One record of a bar, and what is wrong with it."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ingestion.dbn.layout import OHLCV, RTYPE_NAMES, RTYPE_OHLCV_1M, UNDEFINED_PRICE, UNDEFINED_TIME
from ingestion.feeds.live.minutes.clock import HOUR, MINUTE

_LAYOUT = struct.Struct("<BBHIQqqqqQ")
_MAX_VOLUME = 2**63 - 1
_MAX_AGE = 26 * HOUR  # the gateway replays 24 hours


@dataclass(frozen=True, slots=True)
class LiveBar:
    """A record of `layout.OHLCV`: `raw` are its bytes, the rest its fields. `minute` is in ns, prices in 1e-9."""

    raw: bytes
    rtype: int
    publisher_id: int
    instrument_id: int
    minute: int
    prices: tuple[int, int, int, int]
    volume: int

    @property
    def key(self) -> tuple[int, int, int]:
        """What a second record of the same bar has too."""
        return self.minute, self.instrument_id, self.publisher_id


def parse_bar(raw: bytes) -> LiveBar:
    """The record of a bar of any schema. `raw` has the size of `layout.OHLCV`."""
    _, rtype, publisher, instrument, minute, *prices, volume = _LAYOUT.unpack(raw[: OHLCV.itemsize])
    return LiveBar(raw[: OHLCV.itemsize], rtype, publisher, instrument, minute, tuple(prices), volume)


def find_fault(bar: LiveBar, now: int | None) -> str:
    """Why the bar cannot be stored, as the end of a sentence; empty if it can. `now`: the gateway's time, ns."""
    if bar.rtype != RTYPE_OHLCV_1M:
        return f"is a record of {RTYPE_NAMES.get(bar.rtype, f'type {bar.rtype}')}, not ohlcv-1m"
    if bar.minute == UNDEFINED_TIME:
        return "has no time"
    if bar.minute % MINUTE:
        return "does not begin at the start of a minute"
    if now is not None and bar.minute < now - _MAX_AGE:
        return "is older than what the gateway replays"
    return _find_value_fault(bar)


def _find_value_fault(bar: LiveBar) -> str:
    opened, high, low, closed = bar.prices
    if UNDEFINED_PRICE in bar.prices:
        return "has an undefined price"
    if high < max(opened, closed, low):
        return "has a high that is below another of its prices"
    if low > min(opened, closed):
        return "has a low that is above another of its prices"
    if bar.volume > _MAX_VOLUME:
        return "has an undefined volume"
    return ""
