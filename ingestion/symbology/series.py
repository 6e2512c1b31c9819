"""Finds the series of symbols, and creates those that do not exist."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ingestion.dbn.text import to_printable
from ingestion.errors import MixedInstruments
from marketdata.models import Series

_SLUG_LENGTH = 140

# Databento's venues of US equities, the first part of a dataset's name; EQUS and DBEQ combine several of them.
_US_EQUITIES = {
    *("ARCX", "BATS", "BATY", "DBEQ", "EDGA", "EDGX", "EPRL", "EQUS", "FINN", "FINY", "IEXG"),
    *("MEMX", "XASE", "XBOS", "XCHI", "XCIS", "XNAS", "XNYS", "XPSX"),
}
# CME's equity-index futures, one contract at a time: ESZ5, MNQ.c.0. Their spreads and options do not match.
_EQUITY_INDEX = re.compile(r"(ES|MES|NQ|MNQ|RTY|M2K|YM|MYM)([HMUZ]\d{1,2}|\.[cvn]\.\d+)")


def propose_slug(symbol: str) -> str:
    """The symbol with only the characters of a URL: `ES.c.0` becomes `es-c-0`. Similar symbols may share a slug."""
    return re.sub(r"[^a-z0-9]+", "-", symbol.lower()).strip("-")[:_SLUG_LENGTH] or _add_checksum("series", symbol)


def default_dataset_name(symbols: Sequence[str], vendor_dataset: str, schema: str) -> str:
    """`<slug>_<schema>` for one series: mnq_ohlcv_1m. For several, the vendor's dataset: glbx_mdp3_ohlcv_1m."""
    series = Series.objects.filter(symbol=symbols[0]).first() if len(symbols) == 1 else None
    name = series.slug if series else propose_slug(vendor_dataset)
    return f"{name}_{schema}".replace("-", "_")


def find_calendar(symbol: str, dataset: str) -> str:
    """The name of the symbol's trading calendar; empty if it is unknown, or if its exchange has several."""
    if dataset.partition(".")[0] in _US_EQUITIES:
        return "NYSE"
    return "CME Globex Equity" if dataset == "GLBX.MDP3" and _EQUITY_INDEX.fullmatch(symbol) else ""


def ensure_series(symbols: Iterable[str], dataset: str) -> dict[str, Series]:
    """The series of each symbol, created if it does not exist.

    The caller holds the locks of the series, and calls this in the transaction that writes their bars.
    """
    unique = set(symbols)
    _create(unique - _find(unique).keys(), dataset, propose_slug)
    # A symbol is still missing if its slug belongs to another: "NQ  A" and "NQ A" have the same.
    _create(unique - _find(unique).keys(), dataset, lambda symbol: _add_checksum(propose_slug(symbol), symbol))
    return _find(unique)


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


def _create(symbols: set[str], dataset: str, make_slug: Callable[[str], str]) -> None:
    # Sorted: two files that create the same slugs in different orders would deadlock.
    new = sorted((make_slug(symbol), symbol) for symbol in symbols)
    Series.objects.bulk_create(
        [
            Series(slug=slug, symbol=symbol, dataset=dataset, calendar=find_calendar(symbol, dataset))
            for slug, symbol in new
        ],
        ignore_conflicts=True,
        batch_size=1000,
    )


def _find(symbols: set[str]) -> dict[str, Series]:
    return {series.symbol: series for series in Series.objects.filter(symbol__in=symbols)}


def _add_checksum(slug: str, symbol: str) -> str:
    return f"{slug}-{zlib.crc32(symbol.encode()):08x}"
