"""Prices in which two neighbouring digits have changed places."""

from __future__ import annotations

CENT = 10**7  # the last digit that is considered, in units of 1e-9
MAX_DIGITS = 12


def is_swapped(price: int, low: float, high: float) -> bool:
    """Whether swapping two neighbouring digits of `price` gives a price within [low, high]. Units of 1e-9."""
    magnitude, sign = abs(price), 1 if price >= 0 else -1
    place = CENT
    for _ in range(MAX_DIGITS):
        if place * 10 > magnitude:
            return False
        right, left = magnitude // place % 10, magnitude // (place * 10) % 10
        if left != right and low <= sign * (magnitude + (right - left) * 9 * place) <= high:
            return True
        place *= 10
    return False
