"""The series that bars are filed under: found, or created for a symbol that none has."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence

from ingestion.errors import MixedInstruments
from marketdata.models import Series

_SLUG_LENGTH = 140

# Databento's venues of US equities, the first part of a dataset's name; EQUS and DBEQ bring several of them together.
_US_EQUITIES = {
    *("ARCX", "BATS", "BATY", "DBEQ", "EDGA", "EDGX", "EPRL", "EQUS", "FINN", "FINY", "IEXG"),
    *("MEMX", "XASE", "XBOS", "XCHI", "XCIS", "XNAS", "XNYS", "XPSX"),
}
# CME's equity-index futures, one contract at a time: ESZ5, MNQ.c.0. Their spreads and options have other names.
_EQUITY_INDEX = re.compile(r"(ES|MES|NQ|MNQ|RTY|M2K|YM|MYM)([HMUZ]\d{1,2}|\.[cvn]\.\d+)")


def propose_slug(symbol: str) -> str:
    """The symbol as an address can say it: `ES.c.0` becomes `es-c-0`."""
    return re.sub(r"[^a-z0-9]+", "-", symbol.lower()).strip("-")[:_SLUG_LENGTH] or _distinct_slug("series", symbol)


def default_dataset_name(symbols: Sequence[str], vendor_dataset: str, schema: str) -> str:
    """`<slug>_<schema>` for one series: mnq_ohlcv_1m. For several, the vendor's dataset: glbx_mdp3_ohlcv_1m."""
    series = Series.objects.filter(symbol=symbols[0]).first() if len(symbols) == 1 else None
    name = series.slug if series else propose_slug(vendor_dataset)
    return f"{name}_{schema}".replace("-", "_")


def certain_calendar(symbol: str, dataset: str) -> str:
    """The calendar that a symbol surely trades by; empty where its exchange has several, or none is known."""
    if dataset.partition(".")[0] in _US_EQUITIES:
        return "NYSE"
    return "CME Globex Equity" if dataset == "GLBX.MDP3" and _EQUITY_INDEX.fullmatch(symbol) else ""


def ensure_series(symbols: Iterable[str], dataset: str) -> dict[str, Series]:
    """Each symbol's series. Called under the series' locks, in the transaction that writes their bars."""
    wanted = set(symbols)
    _create(wanted - _known(wanted).keys(), dataset, propose_slug)
    # A symbol still missing lost its slug to another: "NQ  A" and "NQ A" look alike in an address.
    _create(wanted - _known(wanted).keys(), dataset, lambda symbol: _distinct_slug(propose_slug(symbol), symbol))
    return _known(wanted)


def refuse_other_dataset(path: str, symbols: Iterable[str], dataset: str) -> None:
    """Raise `MixedInstruments` where a file would continue a series of another dataset only because the symbols are
    spelt alike: NVDA of one venue is not NVDA of another."""
    other = Series.objects.filter(symbol__in=list(symbols)).exclude(dataset__in=("", dataset)).first()
    if other is not None:
        raise MixedInstruments(
            f"{path} has {other.symbol} of {dataset}, where the series {other.slug} is of {other.dataset}: file it "
            f"under another series with --symbol, or empty {other.slug}'s dataset in the admin if it may hold both."
        )


def _create(symbols: set[str], dataset: str, slug_of) -> None:
    # Sorted, so that two files that create the same slugs cannot wait for each other.
    new = sorted((slug_of(symbol), symbol) for symbol in symbols)
    Series.objects.bulk_create(
        [
            Series(slug=slug, symbol=symbol, dataset=dataset, calendar=certain_calendar(symbol, dataset))
            for slug, symbol in new
        ],
        ignore_conflicts=True,
        batch_size=1000,
    )


def _known(symbols: set[str]) -> dict[str, Series]:
    return {series.symbol: series for series in Series.objects.filter(symbol__in=symbols)}


def _distinct_slug(slug: str, symbol: str) -> str:
    return f"{slug}-{zlib.crc32(symbol.encode()):08x}"
