"""Which hours of a trading day a request is about."""

from __future__ import annotations

from enum import StrEnum


class Hours(StrEnum):
    """`REGULAR`: the exchange's regular hours, 09:30 to 16:00 in New York for equities. `ALL`: also the extended hours
    before and after them, 04:00 to 20:00. Most exchanges have no extended hours."""

    ALL = "all"
    REGULAR = "regular"
