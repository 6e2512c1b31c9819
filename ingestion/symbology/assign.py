"""Decides from a file's metadata which series its records belong to.

A file is one series if `--symbol` gives it, or if its metadata requests and maps one symbol. Otherwise each record's
mapping decides (`SymbolResolver`).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ingestion.dbn.metadata import DbnMetadata, MappedInterval
from ingestion.dbn.text import to_printable
from ingestion.errors import InputError, MixedInstruments, UnreadableFile
from marketdata.formatting import format_list
from marketdata.models import Series
from marketdata.models.series import SYMBOL_MAX_LENGTH

# Requests for many instruments: without mappings the series of a record is unknown.
_COLLECTIVE_STYPES = {"parent"}
_COLLECTIVE_SYMBOLS = {"ALL_SYMBOLS"}


@dataclass(frozen=True)
class SeriesAssignment:
    """How a file's records get their series.

    `symbol`: the one series of the file, or None if each record's raw symbol and contract decide. `by_mapping`: whether
    every record must have a mapping. `vendor_symbol`: the file's only symbol, if it has only one. `note`: a sentence
    about the choice for the summary, empty if there is none to make. `is_unclaimed`: whether no series claims the only
    symbol.
    """

    symbol: str | None
    by_mapping: bool
    vendor_symbol: str = ""
    note: str = ""
    is_unclaimed: bool = False


def assign_series(*, metadata: DbnMetadata, requested_symbol: str, default_slug: str) -> SeriesAssignment:
    """Choose the series of a file. `SymbolResolver` and `SeriesCheck` then check each record against the choice.

    `requested_symbol`: from --symbol, empty if not given. `default_slug`: the series of a file that names no symbol.
    Raises `InputError` for a symbol or slug that cannot be used, `UnreadableFile` for a file with a symbol that cannot,
    and `MixedInstruments` for a file whose records cannot be assigned to series.
    """
    _refuse_unusable_symbols(metadata)
    if requested_symbol:
        _refuse_slug(requested_symbol)
        return SeriesAssignment(requested_symbol, by_mapping=False)
    _refuse_inverted(metadata)
    _refuse_unknown_dataset(metadata)
    _refuse_overlaps(metadata)
    mapped = sorted({interval.symbol for interval in metadata.mappings if interval.start < interval.end})
    if len(mapped) > 1 or (metadata.mappings and not mapped):
        return SeriesAssignment(None, by_mapping=True)
    if len(mapped) == 1 and (len(metadata.symbols) > 1 or _is_collective(metadata)):
        # The number of mapped symbols changes from day to day: the series of a file must not depend on it.
        return SeriesAssignment(None, by_mapping=True)
    if len(mapped) == 1:
        return _assign_single(metadata, mapped[0], by_mapping=True)
    return _assign_without_mappings(metadata, default_slug)


def check_symbol(symbol: str) -> None:
    """Raise `InputError` for a --symbol that cannot name a series."""
    if fault := _find_fault(symbol):
        shown = "" if not symbol.strip() or len(symbol) > SYMBOL_MAX_LENGTH else f" {to_printable(symbol)}"
        raise InputError(f"--symbol{shown} {fault}.", symbol=symbol)


def _find_fault(symbol: str) -> str:
    """Why the symbol cannot name a series, and what to do; empty if it can. Blanks inside are valid, as in options."""
    if not symbol.strip():
        return "is empty: give the series' name, such as CME_MINI:MNQ1!"
    if len(symbol) > SYMBOL_MAX_LENGTH:
        return f"has {len(symbol)} characters: at most {SYMBOL_MAX_LENGTH} can be stored"
    if not symbol.isprintable():
        return "has characters that cannot be printed: give a name without them"
    if symbol != symbol.strip():
        return "has blanks at its ends: give the name without them"
    return ""


def _refuse_unusable_symbols(metadata: DbnMetadata) -> None:
    """A file's symbols meet the rules of --symbol. The metadata is already refused if one cannot be printed."""
    for symbol in dict.fromkeys([*metadata.symbols, *(mapped.symbol for mapped in metadata.mappings)]):
        if fault := _find_fault(symbol).partition(":")[0]:
            raise UnreadableFile(
                f'{metadata.path} is damaged: its symbol "{to_printable(symbol[:SYMBOL_MAX_LENGTH])}" {fault}; '
                "download it again.",
                path=metadata.path,
                symbol=symbol,
            )


def _assign_without_mappings(metadata: DbnMetadata, default_slug: str) -> SeriesAssignment:
    if len(metadata.symbols) > 1 or _is_collective(metadata):
        names = format_list([*map(to_printable, metadata.symbols)]) or "no symbol"
        raise MixedInstruments(
            f"{metadata.path} lists {names} but maps no instrument to a symbol, so the series of its rows are unknown: "
            "download it again, or give its series with --symbol if it has only one.",
            path=metadata.path,
        )
    if metadata.symbols:
        return _assign_single(metadata, metadata.symbols[0], by_mapping=False)
    if metadata.stype_in is None:
        raise MixedInstruments(
            f"{metadata.path} names no symbol, maps no instrument and states no type of symbol, as part of a live "
            "capture, so the series of its rows is unknown: give --symbol.",
            path=metadata.path,
        )
    series = Series.objects.filter(slug=default_slug).first()
    if series is None:
        raise InputError(
            f'{metadata.path} names no symbol, and the default series "{default_slug}" does not exist: '
            "give --symbol, or set DEFAULT_SERIES to the slug of a series.",
            path=metadata.path,
        )
    return SeriesAssignment(
        series.symbol,
        by_mapping=False,
        note=f"The file names no symbol: stored under the default series {series.symbol}.",
    )


def _is_collective(metadata: DbnMetadata) -> bool:
    return metadata.stype_in in _COLLECTIVE_STYPES or bool(_COLLECTIVE_SYMBOLS.intersection(metadata.symbols))


def _refuse_slug(symbol: str) -> None:
    series = Series.objects.filter(slug=symbol).exclude(symbol=symbol).first()
    if series is not None and not Series.objects.filter(symbol=symbol).exists():
        raise InputError(
            f"--symbol {symbol} is the slug of {series.symbol}: use --symbol '{series.symbol}'.", symbol=symbol
        )


def _refuse_inverted(metadata: DbnMetadata) -> None:
    """No dates follow from an interval that ends before it starts: the vendor's library refuses it too."""
    for mapped in metadata.mappings:
        if mapped.end < mapped.start:
            raise MixedInstruments(
                f"{metadata.path} maps {to_printable(mapped.symbol)} to instrument {mapped.instrument_id} from "
                f"{mapped.start} to {mapped.end}, which ends before it starts, so its mappings are damaged: "
                "download it again, or give its series with --symbol if it has only one.",
                path=metadata.path,
                symbol=mapped.symbol,
            )


def _refuse_unknown_dataset(metadata: DbnMetadata) -> None:
    """A file without a dataset would match only series of any dataset, and create such series."""
    if not metadata.dataset.strip():
        raise MixedInstruments(
            f"{metadata.path} states no dataset, so its instruments and series are unknown: give --symbol.",
            path=metadata.path,
        )


def _refuse_overlaps(metadata: DbnMetadata) -> None:
    """A symbol mapped to two instruments on one day is not one series, even if they never trade in the same minute."""
    intervals = (mapped for mapped in metadata.mappings if mapped.start < mapped.end)
    ordered = sorted(intervals, key=lambda mapped: (mapped.symbol, mapped.start))
    for _, of_symbol in itertools.groupby(ordered, key=lambda mapped: mapped.symbol):
        if overlap := _find_overlap(list(of_symbol)):
            one, other = overlap
            raise MixedInstruments(
                f"{metadata.path} maps {to_printable(one.symbol)} to instruments {one.instrument_id} and "
                f"{other.instrument_id} on {other.start}, so it is not one series: "
                "download each contract by its own symbol.",
                path=metadata.path,
                symbol=one.symbol,
            )


def _find_overlap(intervals: list[MappedInterval]) -> tuple[MappedInterval, MappedInterval] | None:
    """The first two intervals of different instruments that share a day; None if there are none.

    The intervals are sorted by start. Those of one instrument may contain one another, so a neighbour is not enough:
    each is compared with the one that ends last, and with the one that ends last among other instruments.
    """
    last: list[MappedInterval] = []
    for interval in intervals if len(intervals) > 1 else ():
        for earlier in last:
            if earlier.instrument_id != interval.instrument_id and interval.start < earlier.end:
                return earlier, interval
        ended = sorted([*last, interval], key=lambda mapped: mapped.end, reverse=True)
        others = [mapped for mapped in ended if mapped.instrument_id != ended[0].instrument_id]
        last = [ended[0], *others[:1]]
    return None


def _assign_single(metadata: DbnMetadata, vendor_symbol: str, by_mapping: bool) -> SeriesAssignment:
    series = _find_claiming_series(metadata, vendor_symbol)
    if series is not None:
        return SeriesAssignment(series.symbol, by_mapping, vendor_symbol)
    is_unclaimed = not Series.objects.filter(symbol=vendor_symbol).exists()
    return SeriesAssignment(None, by_mapping, vendor_symbol, is_unclaimed=is_unclaimed)


def _find_claiming_series(metadata: DbnMetadata, vendor_symbol: str) -> Series | None:
    """The series whose vendor symbols have this one, by name or else by pattern; None if there is none.

    Raises `MixedInstruments` for more than one.
    """
    candidates = [series for series in Series.objects.all() if series.dataset in ("", metadata.dataset)]
    named = [series for series in candidates if vendor_symbol in series.vendor_symbols]
    matched = named or [
        series for series in candidates if any(fnmatchcase(vendor_symbol, pattern) for pattern in series.vendor_symbols)
    ]
    if len(matched) > 1:
        raise MixedInstruments(
            f"{metadata.path}: {to_printable(vendor_symbol)} is claimed by "
            f"{format_list([series.symbol for series in matched])}: "
            "remove it from all but one series' vendor symbols in the admin, or give --symbol.",
            path=metadata.path,
            symbol=vendor_symbol,
        )
    return matched[0] if matched else None
