"""Slugs of symbols, and the short codes that stand for them in addresses: nqh5 and nqh25 for NQH2025."""

from __future__ import annotations

import re
import zlib

from marketdata.contracts.symbols import MONTH_CODES, shorten_years

_SLUG_LENGTH = 140
_YEAR = re.compile(rf"(?<=[{MONTH_CODES}])\d{{1,4}}(?!\d)")
_OUTRIGHT = re.compile(rf"([A-Z0-9]+?)[{MONTH_CODES}]\d{{1,4}}")
_START = re.compile(r"[A-Z0-9]*[A-Z]|[A-Z0-9]*")


def propose_slug(symbol: str) -> str:
    """The symbol with only the characters of a URL: `ES.c.0` becomes `es-c-0`. Similar symbols may share a slug."""
    return re.sub(r"[^a-z0-9]+", "-", symbol.lower()).strip("-")[:_SLUG_LENGTH] or add_checksum("series", symbol)


def add_checksum(slug: str, symbol: str) -> str:
    """A slug for a symbol whose own slug belongs to another symbol."""
    return f"{slug}-{zlib.crc32(symbol.encode()):08x}"


def is_short_code(text: str, symbol: str) -> bool:
    """Whether the text, in any letter case, is the symbol's slug with years of fewer digits, or without the instrument
    id: nqh5, nqh25 and nqh2025 of NQH2025; geh5 of GEH5 #12345."""
    if not text.isascii():
        return False
    text, symbol = text.upper(), symbol.upper()
    if shorten_years(text).lower() != propose_slug(shorten_years(symbol)):
        return False
    pairs = zip(_YEAR.findall(text), _YEAR.findall(symbol), strict=False)
    return all(year.endswith(digits) for digits, year in pairs)


def find_symbol_start(text: str) -> str:
    """How every symbol begins that has this short code: NQH for nqh5-nqm5. Upper case; the symbol may be lower case."""
    found = _START.match(text.partition("-")[0].upper())
    return found[0] if found else ""


def find_product(text: str) -> str:
    """The product in a short code: NQ of nqh5 and of nqh5-nqm5, VX of vx-m6. Empty if there is none."""
    word, dash, _ = text.upper().partition("-")
    found = _OUTRIGHT.fullmatch(word)
    return found[1] if found else word if dash else ""
