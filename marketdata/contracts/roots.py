"""The products that a symbol names: NQ of NQH2025, of NQ.c.0, of NQ.FUT and of NQH5-NQM5."""

from __future__ import annotations

import re

from marketdata.contracts.symbols import is_ambiguous_dataset, parse_raw_symbol, shorten_years

_CONTINUOUS = re.compile(r"(.+)\.[cvn]\.\d+")
_PARENT = re.compile(r"(.+)\.(FUT|OPT|SPOT)")
_FIRST_WORD = re.compile(r"[A-Z0-9]+(?= |$)")


def find_continuous_root(symbol: str) -> str:
    """The product of a continuous symbol such as NQ.c.0. Empty for other symbols."""
    found = _CONTINUOUS.fullmatch(symbol)
    return found[1] if found else ""


def list_roots(symbol: str, dataset: str) -> list[str]:
    """The products of a symbol, in its order; empty if it names none. Only a spread can have several.

    `symbol` is a raw, continuous or parent symbol, or the name of a contract with years of four digits.
    """
    if found := _CONTINUOUS.fullmatch(symbol) or _PARENT.fullmatch(symbol):
        return [found[1]]
    if not is_ambiguous_dataset(dataset):
        word = _FIRST_WORD.match(symbol)
        return [word[0]] if word else []
    raw = parse_raw_symbol(shorten_years(symbol), dataset)
    return list(dict.fromkeys(leg.root for leg in raw.legs)) if raw else []
