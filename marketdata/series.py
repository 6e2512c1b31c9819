"""Series, found by slug, by the short code of a contract, or by text; and filters of contracts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Q, QuerySet

from marketdata.bars.stats import SeriesStats, list_stats
from marketdata.contracts.slugs import find_product, find_symbol_start, is_short_code, propose_slug
from marketdata.models import Series, SeriesInstrument

MAX_NAMED_SLUGS = 20
_OTHER_CHARACTERS = re.compile(r"[^-\w]")


def list_slugs() -> list[str]:
    """All slugs, sorted."""
    return list(Series.objects.order_by("slug").values_list("slug", flat=True))


def search_series(text: str) -> QuerySet[Series]:
    """Series whose slug, symbol or name contains the text, whose product it is, or whose contract has this short code,
    ignoring case; all series for an empty text."""
    if not text:
        return Series.objects.all()
    contains = Q(slug__icontains=text) | Q(symbol__icontains=text) | Q(name__icontains=text)
    contracts = [series.pk for series in find_contracts(propose_slug(text))]
    return Series.objects.filter(contains | Q(root__iexact=text) | Q(pk__in=contracts))


def filter_series(
    series: QuerySet[Series], *, today: date, product: str = "", kind: str = "", active: bool | None = None
) -> QuerySet[Series]:
    """The series of a product, in any letter case, of a kind, and active or expired on the UTC date `today`.

    A series whose year is not settled is neither active nor expired.
    """
    if product:
        series = series.filter(root__iexact=product)
    if kind:
        series = series.filter(kind=kind)
    if active is None:
        return series
    if not active:
        return series.filter(last_date__lt=today)
    return series.filter(Q(last_date__gte=today) | Q(last_date__isnull=True, is_settled=True))


def is_active(series: Series | SeriesSummary, today: date) -> bool | None:
    """Whether the contract can trade on the UTC date `today` or later; None if its year is not settled."""
    if series.last_date is None:
        return True if series.is_settled else None
    return series.last_date >= today


class SeriesSummary(NamedTuple):
    """The columns of a series that the list of series shows: thousands of model objects would cost more."""

    pk: int
    slug: str
    symbol: str
    name: str
    kind: str
    root: str
    contract_month: int | None
    contract_year: int | None
    is_settled: bool
    expiration_date: date | None
    last_date: date | None
    tick_size: Decimal | None
    price_step: Decimal | None
    live: bool


def list_summaries(series: QuerySet[Series]) -> list[SeriesSummary]:
    """The summaries of the series, by slug."""
    return list(map(SeriesSummary._make, series.order_by("slug").values_list(*SeriesSummary._fields)))


def list_raw_symbols(series: QuerySet[Series]) -> dict[int, list[str]]:
    """The symbols that the files of each series have for its instruments, by the series' key, sorted."""
    rows = SeriesInstrument.current.filter(series__in=series.order_by().values("pk")).exclude(raw_symbol="")
    symbols: dict[int, list[str]] = {}
    for key, symbol in rows.order_by("raw_symbol").values_list("series_id", "raw_symbol").distinct():
        symbols.setdefault(key, []).append(symbol)
    return symbols


def find_series(slug: str) -> Series | None:
    """The series with this slug; else the only one whose slug differs in letter case; else None.

    Slugs are stored in lower case, unless an operator stored another one.
    """
    if "\0" in slug:
        return None  # PostgreSQL refuses it, and no slug has it
    exact = Series.objects.filter(slug=slug).first()
    if exact is not None:
        return exact
    similar = Series.objects.filter(slug__iexact=slug)[:2]
    return similar[0] if len(similar) == 1 else None


def find_contracts(code: str) -> list[Series]:
    """The series with this symbol, or else with this short code, such as NQH5 or nqh5-nqm5, in any letter case. Other
    characters than those of slugs are ignored: NQH6 C20000 and nqh6-c20000 are the same code."""
    if "\0" in code:
        return []
    named = Series.objects.filter(symbol__iexact=code)
    if found := list(named.filter(symbol=code) or named[:2]):
        return found
    if not code.isascii():
        return []
    if _OTHER_CHARACTERS.search(code):
        code = propose_slug(code)
        if (series := find_series(code)) is not None:
            return [series]
    start = find_symbol_start(code)
    if not start:
        return []
    symbols = Series.objects.filter(symbol__istartswith=start).values_list("pk", "symbol")
    keys = [pk for pk, symbol in symbols if is_short_code(code, symbol)]
    return list(Series.objects.filter(pk__in=keys)) if keys else []


def sort_contracts(contracts: Sequence[Series]) -> list[tuple[Series, SeriesStats]]:
    """The contracts with their stats, by the time of the first bar. Without bars, the contract's month counts; without
    a month it is the last."""
    pairs = zip(contracts, list_stats(contracts), strict=True)
    return sorted(pairs, key=lambda pair: (_find_time(*pair), pair[0].slug))


def _find_time(series: Series, stats: SeriesStats) -> datetime:
    if stats.min_ts:
        return stats.min_ts
    if series.contract_year and series.contract_month:
        return datetime.combine(date(series.contract_year, series.contract_month, 1), time(), UTC)
    return datetime.max.replace(tzinfo=UTC)


class UnknownSeries(LookupError):
    """No series has this slug. The message lists the first known slugs."""


class SeveralContracts(LookupError):
    """The slug is a short code of several contracts. The message lists their slugs."""


def find_symbol(slug: str) -> str:
    """Return the symbol of a series, under which its bars are stored. Raises as `find_named_series`."""
    return find_named_series(slug).symbol


def find_named_series(slug: str) -> Series:
    """The series with this slug. A short code of one contract is that contract.

    Raises `UnknownSeries`, and `SeveralContracts` for a short code of several contracts.
    """
    series = find_series(slug)
    if series is not None:
        return series
    contracts = find_contracts(slug)
    if not contracts:
        raise UnknownSeries(describe_unknown(slug))
    if len(contracts) > 1:
        raise SeveralContracts(describe_contracts(slug, contracts))
    return contracts[0]


def describe_unknown(slug: str) -> str:
    """The sentence about a slug that no series has: it names contracts of the same product, or the first series."""
    product = find_product(slug)
    near = Series.objects.filter(root=product, kind=Series.Kind.OUTRIGHT) if product else Series.objects.none()
    slugs = list(near.order_by("contract_year", "contract_month", "slug").values_list("slug", flat=True))
    label = f"Contracts of {product}" if slugs else "Known"
    slugs = slugs or list_slugs()
    hidden = len(slugs) - MAX_NAMED_SLUGS
    more = f" and {hidden:,} more" if hidden > 0 else ""
    return f"There is no series '{slug}'. {label}: {', '.join(slugs[:MAX_NAMED_SLUGS])}{more}."


def describe_contracts(slug: str, contracts: Sequence[Series]) -> str:
    """The sentence about a short code of several contracts."""
    slugs = [series.slug for series, _ in sort_contracts(contracts)]
    return f"'{slug}' is a short code of {len(slugs)} contracts: {', '.join(slugs)}. Name one of them."
