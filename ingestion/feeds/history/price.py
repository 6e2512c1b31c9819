"""Asks the vendor what each planned request costs and how many records it brings. Costs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from ingestion.feeds.asks import Ask, Price
from ingestion.feeds.errors import NothingThere, NotYetAvailable
from ingestion.progress import Progress

if TYPE_CHECKING:
    from ingestion.feeds.client import Vendor


class HasAsk(Protocol):
    """A planned request."""

    @property
    def ask(self) -> Ask: ...


P = TypeVar("P", bound=HasAsk)


@dataclass(frozen=True)
class PricedRequest(Generic[P]):
    """A planned request with its price, or with why the vendor has nothing to sell for it. One of the two is None.

    A price of 0 records is nothing to buy either.
    """

    planned: P
    price: Price | None = None
    refusal: NothingThere | NotYetAvailable | None = None


def price_requests(vendor: Vendor, planned: Sequence[P], progress: Progress) -> list[PricedRequest[P]]:
    """The prices of all planned requests, in their order.

    Raises any other `FeedError`: with one price unknown, the plan cannot be compared with the caps.
    """
    return [_price(vendor, one, progress) for one in planned]


def _price(vendor: Vendor, planned: P, progress: Progress) -> PricedRequest[P]:
    progress.raise_if_cancelled()
    try:
        return PricedRequest(planned, price=vendor.price(planned.ask))
    except (NothingThere, NotYetAvailable) as refusal:
        return PricedRequest(planned, refusal=refusal)
