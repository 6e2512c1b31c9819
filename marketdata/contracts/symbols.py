"""The parts of a raw symbol: the months and year digits of its contracts, and the text around them.

Databento's raw symbols are the exchanges' own: https://databento.com/docs/standards-and-conventions/symbology. Only
CME Globex (GLBX.MDP3) and Cboe futures (XCBF.PITCH) write the year with one or two digits. The symbols of other
datasets are unique already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

MONTH_CODES = "FGHJKMNQUVXZ"  # January to December
GLOBEX, CBOE_FUTURES = "GLBX.MDP3", "XCBF.PITCH"

_MONTH_AND_YEAR = rf"([{MONTH_CODES}])(\d{{1,2}})"
_OUTRIGHT = re.compile(rf"([A-Z0-9]+?){_MONTH_AND_YEAR}")
_CBOE_OUTRIGHT = re.compile(rf"([A-Z0-9]+/){_MONTH_AND_YEAR}")
_OPTION = re.compile(r"(\S+)( +[CP]-?\d[\d.]*)")
_COMBINATION = re.compile(r"([A-Z0-9]+):([A-Z0-9]+) (.+)")  # SR3:BF Z6-H7-M7
_USER_DEFINED = "UD"
_WORDS = re.compile(r"([ -]+)")
_LEGS_OF_WORD = re.compile(rf"(\d+[A-Z])?((?:[{MONTH_CODES}]\d{{1,2}})+)")  # Z6, M7Z7, and 4YZ1: a bundle of 4 years

_INSTRUMENT = re.compile(r" #\d+$")
_ANY_YEAR = re.compile(rf"(?<=[{MONTH_CODES}])\d{{1,3}}(?=\d(?!\d))")


class Kind(StrEnum):
    """What is traded. The values are those of the column `kind` of a series."""

    OUTRIGHT = "outright"
    SPREAD = "spread"
    OPTION = "option"
    EQUITY = "equity"
    CONTINUOUS = "continuous"
    OTHER = "other"


@dataclass(frozen=True)
class Leg:
    """One contract month in a symbol: the product `root`, the `month` (1 to 12), and the year's one or two `digits`."""

    root: str
    month: int
    digits: str


@dataclass(frozen=True)
class RawSymbol:
    """A raw symbol in parts: text as it is, and a `Leg` in place of each year's digits."""

    text: str
    kind: Kind
    root: str
    parts: tuple[str | Leg, ...]

    @property
    def legs(self) -> list[Leg]:
        """The contract months, in the order of the symbol. There is at least one."""
        return [part for part in self.parts if isinstance(part, Leg)]

    def fill_in(self, years: list[int]) -> str:
        """The symbol with the year of each leg in four digits: NQH2025."""
        remaining = iter(years)
        return "".join(part if isinstance(part, str) else str(next(remaining)) for part in self.parts)


def is_ambiguous_dataset(dataset: str) -> bool:
    """Whether the dataset's raw symbols are used again for other contracts."""
    return dataset in (GLOBEX, CBOE_FUTURES)


def is_user_defined(text: str, dataset: str) -> bool:
    """Whether the text names a spread that a user of CME Globex defined: it can be used again for another one."""
    return dataset == GLOBEX and text.startswith(f"{_USER_DEFINED}:")


def parse_raw_symbol(text: str, dataset: str) -> RawSymbol | None:
    """The parts of a raw symbol with one- or two-digit years; None if it has none, or cannot be read."""
    if dataset == CBOE_FUTURES:
        return _parse_outright(text, _CBOE_OUTRIGHT)
    if dataset != GLOBEX:
        return None
    return _parse_outright(text, _OUTRIGHT) or _parse_spread(text) or _parse_option(text) or _parse_combination(text)


def shorten_years(symbol: str) -> str:
    """A symbol with one digit for each year, and without an instrument id: NQH2025, NQH25 and NQH5 all give NQH5."""
    return _ANY_YEAR.sub("", _INSTRUMENT.sub("", symbol))


def name_by_instrument(raw_symbol: str, instrument_id: int) -> str:
    """The name of a series whose raw symbol does not identify its contract."""
    return f"{raw_symbol} #{instrument_id}"


def is_named_by_instrument(symbol: str) -> bool:
    """Whether `name_by_instrument` made the name."""
    return bool(_INSTRUMENT.search(symbol))


def _parse_outright(text: str, pattern: re.Pattern[str]) -> RawSymbol | None:
    if not (found := pattern.fullmatch(text)):
        return None
    root = found[1].rstrip("/")
    return RawSymbol(text, Kind.OUTRIGHT, root, (found[1] + found[2], _build_leg(root, found[2], found[3])))


def _parse_spread(text: str) -> RawSymbol | None:
    legs = [_parse_outright(leg, _OUTRIGHT) for leg in text.split("-")]
    if len(legs) < 2 or not all(legs):
        return None
    known = [leg for leg in legs if leg]
    parts = [part for leg in known for part in ("-", *leg.parts)]
    return RawSymbol(text, Kind.SPREAD, known[0].root, tuple(parts[1:]))


def _parse_option(text: str) -> RawSymbol | None:
    if not (found := _OPTION.fullmatch(text)) or not (series := _parse_outright(found[1], _OUTRIGHT)):
        return None
    return RawSymbol(text, Kind.OPTION, series.root, (*series.parts, found[2]))


def _parse_combination(text: str) -> RawSymbol | None:
    """A spread of several months with its kind in front: every month and year after the kind is a leg."""
    if not (found := _COMBINATION.fullmatch(text)) or found[1] == _USER_DEFINED:
        return None
    root = found[1]
    parts: list[str | Leg] = [f"{root}:{found[2]} "]
    for word in _WORDS.split(found[3]):
        parts += _split_word(root, word)
    symbol = RawSymbol(text, Kind.SPREAD, root, tuple(parts))
    return symbol if symbol.legs else None


def _split_word(root: str, word: str) -> Iterator[str | Leg]:
    if not (found := _LEGS_OF_WORD.fullmatch(word)):
        yield word
        return
    yield found[1] or ""
    for code, digits in re.findall(_MONTH_AND_YEAR, found[2]):
        yield code
        yield _build_leg(root, code, digits)


def _build_leg(root: str, code: str, digits: str) -> Leg:
    return Leg(root, MONTH_CODES.index(code) + 1, digits)
