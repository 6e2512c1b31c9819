"""Finds the series of symbols, and creates those that do not exist."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ingestion.dbn.text import to_printable
from ingestion.errors import MixedInstruments
from marketdata.calendars.products import CalendarProposal
from marketdata.contracts.slugs import add_checksum, propose_slug
from marketdata.formatting import format_count, format_list
from marketdata.models import Series
from marketdata.series_calendars import propose_for_symbol

_MAX_CALENDARS = 5  # that a summary lists


def find_free_slug(symbol: str) -> str:
    """A slug for a new series of the symbol: the proposed one, with a checksum if another series has it."""
    slug = propose_slug(symbol)
    return add_checksum(slug, symbol) if Series.objects.filter(slug__iexact=slug).exists() else slug


def default_dataset_name(symbols: Sequence[str], vendor_dataset: str, schema: str) -> str:
    """`<slug>_<schema>` for one series: mnq_ohlcv_1m. For several, the vendor's dataset: glbx_mdp3_ohlcv_1m."""
    series = Series.objects.filter(symbol=symbols[0]).first() if len(symbols) == 1 else None
    name = series.slug if series else propose_slug(vendor_dataset)
    return f"{name}_{schema}".replace("-", "_")


def describe_new_calendars(file_symbols: Mapping[str, Sequence[str]], dataset: str) -> list[str]:
    """The sentences for the summary about the calendars of the series that do not exist yet: one for each calendar, at
    most a few. `file_symbols` has the file's symbols of each series."""
    named: dict[CalendarProposal, list[str]] = {}
    found: dict[str, CalendarProposal] = {}
    stored = Series.objects.filter(symbol__in=list(file_symbols)).values_list("symbol", flat=True)
    for symbol in sorted(file_symbols.keys() - set(stored)):
        proposal = _propose_calendar(symbol, dataset, file_symbols)
        first = found.setdefault(proposal.calendar or proposal.cause, proposal)
        named.setdefault(first, []).append(to_printable(symbol))
    lines = sorted(named.items(), key=lambda line: not line[0].calendar)  # those without a calendar are last
    notes = [f"New series {format_list(symbols)}: {to_printable(first.reason)}" for first, symbols in lines]
    more = len(notes) - _MAX_CALENDARS
    return [*notes[:_MAX_CALENDARS], *([f"{format_count(more, 'more calendar')} of new series."] if more > 0 else [])]


def ensure_series(
    columns_by_symbol: Mapping[str, Mapping[str, object]], dataset: str, file_symbols: Mapping[str, Sequence[str]]
) -> dict[str, Series]:
    """The series of each symbol, created if it does not exist, with these columns of its contract, and the calendar of
    its product. `file_symbols` has the file's symbols of each series.

    The caller holds the locks of the series, and calls this in the transaction that writes their bars.
    """
    unique = set(columns_by_symbol)
    _create(unique - _find(unique).keys(), dataset, propose_slug, columns_by_symbol, file_symbols)
    # A symbol is still missing if its slug belongs to another: "NQ  A" and "NQ A" have the same.
    _create(
        unique - _find(unique).keys(),
        dataset,
        lambda symbol: add_checksum(propose_slug(symbol), symbol),
        columns_by_symbol,
        file_symbols,
    )
    series = _find(unique)
    _update_contracts(series.values(), columns_by_symbol)
    return series


def refuse_other_dataset(path: Path, symbols: Iterable[str], dataset: str) -> None:
    """Raise `MixedInstruments` for symbols that belong to a series of another dataset: NVDA of one venue is not NVDA of
    another, so an equal symbol is not enough to continue a series."""
    other = Series.objects.filter(symbol__in=list(symbols)).exclude(dataset__in=("", dataset)).first()
    if other is not None:
        raise MixedInstruments(
            f"{path} has {to_printable(other.symbol)} of {to_printable(dataset)}, but the series {other.slug} is of "
            f"{to_printable(other.dataset)}: store it under another series with --symbol, or clear the dataset of "
            f"{other.slug} in the admin if it may contain both.",
            path=path,
            symbol=other.symbol,
        )


def _update_contracts(series: Iterable[Series], columns_by_symbol: Mapping[str, Mapping[str, object]]) -> None:
    """Store what the file knows more about the contracts: their dates, from a definition file."""
    changed = []
    for one in series:
        columns = columns_by_symbol[one.symbol]
        if one.contract_year != columns.get("contract_year") or columns.get("expiration_date") is None:
            continue
        if any(getattr(one, name) != value for name, value in columns.items()):
            for name, value in columns.items():
                setattr(one, name, value)
            changed.append(one)
    if changed:
        Series.objects.bulk_update(changed, ["activation_date", "expiration_date", "last_date"], batch_size=1000)


def _create(
    symbols: set[str],
    dataset: str,
    make_slug: Callable[[str], str],
    columns_by_symbol: Mapping[str, Mapping[str, Any]],
    file_symbols: Mapping[str, Sequence[str]],
) -> None:
    # Sorted: two files that create the same slugs in different orders would deadlock.
    new = sorted((make_slug(symbol), symbol) for symbol in symbols)
    Series.objects.bulk_create(
        [
            Series(
                slug=slug,
                symbol=symbol,
                dataset=dataset,
                calendar=_propose_calendar(symbol, dataset, file_symbols).calendar,
                **columns_by_symbol[symbol],
            )
            for slug, symbol in new
        ],
        ignore_conflicts=True,
        batch_size=1000,
    )


def _propose_calendar(symbol: str, dataset: str, file_symbols: Mapping[str, Sequence[str]]) -> CalendarProposal:
    return propose_for_symbol(symbol, dataset, file_symbols.get(symbol, ()))


def _find(symbols: set[str]) -> dict[str, Series]:
    return {series.symbol: series for series in Series.objects.filter(symbol__in=symbols)}
