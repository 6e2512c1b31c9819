"""Products of CME Group whose contracts do not end in the month of their name, or are listed ten years ahead.

The sources are CME Group's contract specifications and rulebook, "Termination of Trading" and "Listed Contracts" of
each product. Every other product ends in the month of its name, or before it.
"""

from __future__ import annotations

VERSION = "2026-11"  # when the table was last compared with its sources

# How many months past the month of its name a contract trades.
_MONTHS_PAST = {
    # Three-month averages: the name is the month in which the reference quarter begins, and trading ends with the
    # quarter (SOFR: rulebook chapter 460; SONIA: its specification).
    "SR3": 3,
    "SON": 3,
    # Cash-settled dairy ends when USDA announces the prices of the month, early in the next (rulebook chapters 52-60).
    **dict.fromkeys(("DC", "GDK", "GNF", "DY", "CB", "CSC"), 1),
}

# Eurodollars have 40 quarterly contracts: the next one with the same code is listed in the month in which this one
# ends (rulebook chapter 452).
_LISTED_TEN_YEARS_AHEAD = {"GE"}

# Eris swaps trade for years past the month of their name, which is that of their first settlement.
_SWAP_PREFIXES = ("YI", "LI")


def count_months_past(root: str) -> int:
    """How many months past the month of its name a contract of this product trades."""
    return _MONTHS_PAST.get(root, 0)


def is_listed_ten_years_ahead(root: str) -> bool:
    """Whether two contracts with the same one-digit year can trade in the same month."""
    return root in _LISTED_TEN_YEARS_AHEAD


def is_swap(root: str) -> bool:
    """Whether the month in the name is not when the contract ends, so that one digit does not show its year."""
    return root.startswith(_SWAP_PREFIXES)
