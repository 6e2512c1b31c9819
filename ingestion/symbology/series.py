"""Finds the series of symbols, and creates those that do not exist."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ingestion.dbn.text import to_printable
from ingestion.errors import MixedInstruments
from ingestion.symbology.datasets import is_us_equities
from marketdata.contracts.slugs import add_checksum, propose_slug
from marketdata.models import Series

# CME's equity-index futures, one contract at a time: ESZ2025, MNQ.c.0. Their spreads and options do not match.
_EQUITY_INDEX = re.compile(r"(ES|MES|NQ|MNQ|RTY|M2K|YM|MYM)([HMUZ]\d{1,4}|\.[cvn]\.\d+)")


def find_free_slug(symbol: str) -> str:
    """A slug for a new series of the symbol: the proposed one, with a checksum if another series has it."""
    slug = propose_slug(symbol)
    return add_checksum(slug, symbol) if Series.objects.filter(slug__iexact=slug).exists() else slug


def default_dataset_name(symbols: Sequence[str], vendor_dataset: str, schema: str) -> str:
    """`<slug>_<schema>` for one series: mnq_ohlcv_1m. For several, the vendor's dataset: glbx_mdp3_ohlcv_1m."""
    series = Series.objects.filter(symbol=symbols[0]).first() if len(symbols) == 1 else None
    name = series.slug if series else propose_slug(vendor_dataset)
    return f"{name}_{schema}".replace("-", "_")


def find_calendar(symbol: str, dataset: str) -> str:
    """The name of the symbol's trading calendar; empty if it is unknown, or if its exchange has several."""
    if is_us_equities(dataset):
        return "NYSE"
    return "CME Globex Equity" if dataset == "GLBX.MDP3" and _EQUITY_INDEX.fullmatch(symbol) else ""


def ensure_series(columns_by_symbol: Mapping[str, Mapping[str, object]], dataset: str) -> dict[str, Series]:
    """The series of each symbol, created if it does not exist, with these columns of its contract.

    The caller holds the locks of the series, and calls this in the transaction that writes their bars.
    """
    unique = set(columns_by_symbol)
    _create(unique - _find(unique).keys(), dataset, propose_slug, columns_by_symbol)
    # A symbol is still missing if its slug belongs to another: "NQ  A" and "NQ A" have the same.
    _create(
        unique - _find(unique).keys(),
        dataset,
        lambda symbol: add_checksum(propose_slug(symbol), symbol),
        columns_by_symbol,
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
) -> None:
    # Sorted: two files that create the same slugs in different orders would deadlock.
    new = sorted((make_slug(symbol), symbol) for symbol in symbols)
    Series.objects.bulk_create(
        [
            Series(
                slug=slug,
                symbol=symbol,
                dataset=dataset,
                calendar=find_calendar(symbol, dataset),
                **columns_by_symbol[symbol],
            )
            for slug, symbol in new
        ],
        ignore_conflicts=True,
        batch_size=1000,
    )


def _find(symbols: set[str]) -> dict[str, Series]:
    return {series.symbol: series for series in Series.objects.filter(symbol__in=symbols)}
