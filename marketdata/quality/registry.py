"""All detectors of a check, and the kinds that they find."""

from __future__ import annotations

from marketdata.quality import detectors
from marketdata.quality.detectors import Detector
from marketdata.quality.vendor.condition import find_vendor_condition

DETECTORS: list[Detector] = [*detectors.DETECTORS, find_vendor_condition]
# The kinds that detectors find; the others are found by what runs, feeds and given files did.
BAR_KINDS = frozenset(
    (
        *("missing", "silence", "spike", "scale", "jump", "off_tick", "flat", "repeated", "wrong_contract"),
        *("volume_zero", "volume_outlier", "outside_session", "vendor_condition"),
    )
)
