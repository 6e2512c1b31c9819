"""The kinds of findings, and one threshold for each: from which value on there is a finding. A series may have others.

A threshold is a number in the unit that `unit` states. A higher one makes fewer findings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

SEVERITIES = ("info", "warning", "error", "critical")

KINDS = (
    "missing",
    "silence",
    "spike",
    "scale",
    "jump",
    "off_tick",
    "flat",
    "repeated",
    "wrong_contract",
    "volume_zero",
    "volume_outlier",
    "outside_session",
    "vendor_condition",
    "cross_check",
    "revision_storm",
    "run_failed",
    "feed_outage",
    "budget",
)

UNITS = {
    "missing": "-log10 of how many such gaps a month has by chance: 1.4 is one in 25 months; 0.3 more in quiet hours",
    "silence": "minutes in which the series should have had bars, after the newest one",
    "spike": "times the usual move at that time that the price left and came back",
    "scale": "factor between neighbouring prices",
    "jump": "times the usual move over a gap of that length",
    "off_tick": "bars off the tick grid",
    "flat": "bars in a row that repeat the one before",
    "repeated": "bars in a row that equal earlier ones",
    "wrong_contract": "basis points between the prices and the market around them",
    "volume_zero": "bars with a volume of 0",
    "volume_outlier": "times the usual volume of that time and that range; 0.6 of it for multiples of 100, else twice",
    "outside_session": "bars in a row while the exchange is closed",
    "vendor_condition": "days with the condition",
    "cross_check": "per mille of difference in the volume, or ticks of difference in a price",
    "revision_storm": "percent of the known bars that one run changed",
    "run_failed": "runs",
    "feed_outage": "minutes in which the exchange was open and the feed was not live",
    "budget": "percent of the cap, or of the disk",
}


class UnknownThreshold(ValueError):
    """A threshold of a series names no kind, or is not a positive number."""


@dataclass(frozen=True)
class Thresholds:
    """One threshold per kind; its unit stands in `UNITS`."""

    missing: float = 1.4
    silence: float = 15.0
    spike: float = 3.5
    scale: float = 5.0
    jump: float = 12.0
    off_tick: float = 1.0
    flat: float = 5.0
    repeated: float = 15.0
    wrong_contract: float = 15.0
    volume_zero: float = 1.0
    volume_outlier: float = 20.0
    outside_session: float = 1.0
    vendor_condition: float = 1.0
    cross_check: float = 1.0
    revision_storm: float = 2.0
    run_failed: float = 1.0
    feed_outage: float = 5.0
    budget: float = 80.0

    def override(self, values: Mapping[str, object]) -> Thresholds:
        """These thresholds with those of a series, by kind. Raises `UnknownThreshold` for any that is none."""
        if fault := find_fault(values):
            raise UnknownThreshold(fault)
        return replace(self, **{kind: float(str(value)) for kind, value in values.items()})

    def get(self, kind: str) -> float:
        """The threshold of this kind."""
        value: float = getattr(self, kind)
        return value


def find_fault(values: object) -> str:
    """Why these are no thresholds by kind, as a sentence; empty if they are."""
    if not isinstance(values, Mapping):
        return f"Thresholds are an object with a number for each kind, not {values!r}."
    for kind, value in values.items():
        if kind not in KINDS:
            return f'"{kind}" is no kind of finding. Kinds are {", ".join(KINDS)}.'
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not 0 < value < float("inf"):
            return f"The threshold of {kind} is {value!r}: it must be a positive number."
    return ""


if tuple(field.name for field in fields(Thresholds)) != KINDS or tuple(UNITS) != KINDS:
    raise AssertionError("each kind has one threshold and one unit, in the same order")
