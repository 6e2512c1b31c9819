"""What is requested from the vendor, and what it answers. Without the vendor's client, so that importing is cheap."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from marketdata.models import FeedRequest


@dataclass(frozen=True)
class Ask:
    """Bars of one symbol in [start, end): whole minutes, UTC. `stype` is a `Series.Stype`."""

    dataset: str
    symbol: str
    stype: str
    start: datetime
    end: datetime
    schema: str = "ohlcv-1m"

    @classmethod
    def from_request(cls, request: FeedRequest) -> Ask:
        """What the request asks for."""
        return cls(
            dataset=request.dataset,
            symbol=request.vendor_symbol,
            stype=request.stype_in,
            start=request.start,
            end=request.end,
            schema=request.schema,
        )

    def __str__(self) -> str:
        return f"{self.symbol} [{self.start:%Y-%m-%d %H:%M}, {self.end:%Y-%m-%d %H:%M})"


@dataclass(frozen=True)
class Price:
    """What a request costs, USD rounded up to a millionth, and how many records it brings."""

    usd: Decimal
    records: int


@dataclass(frozen=True)
class DayCondition:
    """The vendor's condition of a UTC day, a `VendorDay.Condition`. `modified`: when its data was last made."""

    day: date
    condition: str
    modified: date | None


@dataclass(frozen=True)
class JobFile:
    """A file of a batch job: bytes, SHA-256 in hex, and where it is downloaded."""

    name: str
    size: int
    sha256: str
    url: str


@dataclass(frozen=True)
class MappedContract:
    """The raw symbol that a continuous symbol stands for on the UTC days from `first` to the day before `stop`."""

    raw_symbol: str
    first: date
    stop: date
