"""Pure detectors: arrays of bars in, findings out. No Django, no database."""

from __future__ import annotations

from collections.abc import Callable

from marketdata.quality.detectors.flat import find_flat
from marketdata.quality.detectors.jump import find_jump
from marketdata.quality.detectors.missing import find_missing
from marketdata.quality.detectors.model import Bars, Detected, SeriesContext
from marketdata.quality.detectors.off_tick import find_off_tick
from marketdata.quality.detectors.outside_session import find_outside_session
from marketdata.quality.detectors.repeated import find_repeated
from marketdata.quality.detectors.scale import find_scale
from marketdata.quality.detectors.silence import find_silence
from marketdata.quality.detectors.spike import find_spike
from marketdata.quality.detectors.volume import find_volume_outlier, find_volume_zero
from marketdata.quality.detectors.wrong_contract import find_wrong_contract

Detector = Callable[[Bars, SeriesContext], list[Detected]]

# All that judge stored bars, in the order in which they run.
DETECTORS: list[Detector] = [
    find_missing,
    find_silence,
    find_outside_session,
    find_scale,
    find_wrong_contract,
    find_spike,
    find_jump,
    find_off_tick,
    find_flat,
    find_repeated,
    find_volume_zero,
    find_volume_outlier,
]
