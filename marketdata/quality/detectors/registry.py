"""All detectors that judge stored bars, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable

from marketdata.quality.detectors.missing import find_missing
from marketdata.quality.detectors.model import Bars, Detected, SeriesContext
from marketdata.quality.detectors.outside_session import find_outside_session
from marketdata.quality.detectors.silence import find_silence
from marketdata.quality.detectors.vendor_condition import find_vendor_condition

Detector = Callable[[Bars, SeriesContext], list[Detected]]

DETECTORS: list[Detector] = [
    find_missing,
    find_silence,
    find_outside_session,
    find_vendor_condition,
]
# The kinds that detectors find; the others are found by what runs, feeds and given files did.
BAR_KINDS = frozenset(
    (
        *("missing", "silence", "spike", "scale", "jump", "off_tick", "flat", "repeated", "wrong_contract"),
        *("volume_zero", "volume_outlier", "outside_session", "vendor_condition"),
    )
)
