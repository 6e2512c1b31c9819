"""One event is one finding: without those that another finding of the same event explains.

- A price that moved while bars are missing, or while the exchange halted, jumps when they come back, with the volume of
  all who waited. The missing bars are the finding.
- The prices of another day are away from the market, and flat or wrong in no other way than that day's were. The
  repeated day is the finding.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from marketdata.quality.detectors.model import MINUTE, Detected

_BEGUN_AGAIN = 2 * MINUTE  # how long the first trades after a pause can be unusual
_BY_PAUSE = ("jump", "volume_outlier")
_BY_REPETITION = ("jump", "wrong_contract", "spike")


def merge_events(found: Sequence[Detected]) -> list[Detected]:
    """The findings of one series without those that others explain, in the same order."""
    pauses = _Spans([one for one in found if one.kind == "missing"])
    repeated = _Spans([one for one in found if one.kind == "repeated"])
    return [
        one
        for one in found
        if not (one.kind in _BY_PAUSE and pauses.overlap(_find_begin(one), one.start_ns))
        and not (one.kind in _BY_REPETITION and repeated.overlap(_find_begin(one), one.start_ns))
    ]


def _find_begin(one: Detected) -> int:
    """When the bar before a jump ended, and for other findings shortly before they begin."""
    if one.kind == "jump" and one.evidence:
        return one.evidence[0]["ts"] + MINUTE
    return one.start_ns - _BEGUN_AGAIN


class _Spans:
    """The ranges of some findings, in time order."""

    def __init__(self, found: Sequence[Detected]) -> None:
        self._spans = sorted((one.start_ns, one.end_ns) for one in found)

    def overlap(self, start: int, end: int) -> bool:
        """Whether a range has a minute from `start` to `end`, or touches them."""
        at = bisect_right(self._spans, (end, 2**63))
        return any(stop >= start for _, stop in self._spans[max(at - 3, 0) : at])
