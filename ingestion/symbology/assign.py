"""Which series a file's records belong to, decided from its metadata."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ingestion.dbn.metadata import DbnMetadata
from ingestion.errors import InputError, MixedInstruments
from marketdata.formatting import format_list
from marketdata.models import Series
from marketdata.models.series import SYMBOL_MAX_LENGTH

# Requests that stand for many instruments: without mappings nobody can tell which record is which.
_COLLECTIVE_STYPES = {"parent"}
_COLLECTIVE_SYMBOLS = {"ALL_SYMBOLS"}


@dataclass(frozen=True)
class SeriesAssignment:
    """How a file's records get their symbols.

    `symbol`: the one series of the whole file, or None when each record's mapping decides. `by_mapping`: whether every
    record must have a mapping. `note`: what the user should know about the choice.
    """

    symbol: str | None
    by_mapping: bool
    note: str = ""


def assign_series(*, metadata: DbnMetadata, requested_symbol: str, default_slug: str) -> SeriesAssignment:
    """Decide from the metadata alone; `validate` verifies while streaming that it holds.

    Raises `InputError` or `MixedInstruments`.
    """
    if requested_symbol:
        _refuse_slug(requested_symbol)
        return SeriesAssignment(requested_symbol, by_mapping=False)
    _refuse_overlaps(metadata)
    mapped = sorted({interval.symbol for interval in metadata.mappings})
    if len(mapped) > 1:
        return SeriesAssignment(None, by_mapping=True)
    if len(mapped) == 1 and (len(metadata.symbols) > 1 or _is_collective(metadata)):
        # Only one of several is mapped today: which series a file goes to must not hang on that.
        return SeriesAssignment(None, by_mapping=True)
    if len(mapped) == 1:
        return _single(metadata, mapped[0], by_mapping=True)
    return _without_mappings(metadata, default_slug)


def check_symbol(symbol: str) -> None:
    """Raise `InputError` for a --symbol that the table could not hold as it stands."""
    if not symbol.strip():
        raise InputError("--symbol is empty: give the series' name, such as CME_MINI:MNQ1!.")
    if len(symbol) > SYMBOL_MAX_LENGTH:
        raise InputError(f"--symbol has {len(symbol)} characters: at most {SYMBOL_MAX_LENGTH} can be stored.")
    if not symbol.isprintable():
        raise InputError(f"--symbol {symbol!r} has characters that cannot be printed: give a plain name.")


def _without_mappings(metadata: DbnMetadata, default_slug: str) -> SeriesAssignment:
    if len(metadata.symbols) > 1 or _is_collective(metadata):
        raise MixedInstruments(
            f"{metadata.path} names {format_list(metadata.symbols)} but maps no instrument to a symbol, so its rows "
            "cannot be told apart: download it again, or name the whole file's series with --symbol if it is only one."
        )
    if metadata.symbols:
        return _single(metadata, metadata.symbols[0], by_mapping=False)
    series = Series.objects.filter(slug=default_slug).first()
    if series is None:
        raise InputError(
            f"{metadata.path} names no symbol, and the default series {default_slug!r} does not exist: "
            "give --symbol, or set DEFAULT_SERIES to the slug of a series."
        )
    return SeriesAssignment(
        series.symbol,
        by_mapping=False,
        note=f"The file names no symbol: filed under the default series {series.symbol}.",
    )


def _is_collective(metadata: DbnMetadata) -> bool:
    return metadata.stype_in in _COLLECTIVE_STYPES or bool(_COLLECTIVE_SYMBOLS.intersection(metadata.symbols))


def _refuse_slug(symbol: str) -> None:
    series = Series.objects.filter(slug=symbol).exclude(symbol=symbol).first()
    if series is not None and not Series.objects.filter(symbol=symbol).exists():
        raise InputError(f"--symbol {symbol} is the slug of {series.symbol}: use --symbol '{series.symbol}'.")


def _refuse_overlaps(metadata: DbnMetadata) -> None:
    """A symbol that stands for two instruments on one day is not one line of bars, however seldom they trade."""
    ordered = sorted(metadata.mappings, key=lambda mapped: (mapped.symbol, mapped.start))
    for one, other in itertools.pairwise(ordered):
        if one.symbol == other.symbol and other.start < one.end and one.instrument_id != other.instrument_id:
            raise MixedInstruments(
                f"{metadata.path} maps {one.symbol} to instruments {one.instrument_id} and {other.instrument_id} on "
                f"{other.start}, so it is not one series: download each contract by its own symbol."
            )


def _single(metadata: DbnMetadata, vendor_symbol: str, by_mapping: bool) -> SeriesAssignment:
    series = _claiming_series(metadata, vendor_symbol)
    if series is not None:
        return SeriesAssignment(series.symbol, by_mapping)
    if Series.objects.filter(symbol=vendor_symbol).exists():
        return SeriesAssignment(vendor_symbol, by_mapping)
    note = (
        f"No series claims {vendor_symbol}: filed under its own symbol. To file it under another series, add "
        f"{vendor_symbol} to that series' vendor symbols in the admin."
    )
    return SeriesAssignment(vendor_symbol, by_mapping, note=note)


def _claiming_series(metadata: DbnMetadata, vendor_symbol: str) -> Series | None:
    """The series that claims this symbol: by its plain name before by a pattern."""
    candidates = [series for series in Series.objects.all() if series.dataset in ("", metadata.dataset)]
    named = [series for series in candidates if vendor_symbol in series.vendor_symbols]
    matched = named or [
        series for series in candidates if any(fnmatchcase(vendor_symbol, pattern) for pattern in series.vendor_symbols)
    ]
    if len(matched) > 1:
        raise MixedInstruments(
            f"{metadata.path}: {vendor_symbol} is claimed by {format_list([series.symbol for series in matched])}: "
            "take it out of all but one series' vendor symbols in the admin, or give --symbol."
        )
    return matched[0] if matched else None
