"""The verdicts, and a gap with its verdict."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Verdict(StrEnum):
    """Why a gap has no bars; the most serious last."""

    CLOSED = "closed"
    NO_TRADE = "no_trade"
    KNOWN_EMPTY = "known_empty"
    NOT_YET_AVAILABLE = "not_yet_available"
    DEGRADED = "degraded"
    MISSING = "missing"

    @property
    def label(self) -> str:
        """The verdict as text: not yet available."""
        return self.value.replace("_", " ")


VERDICTS = tuple(Verdict)


@dataclass(frozen=True)
class JudgedGap:
    """The minutes of [start, end), UTC, without a bar. The exchange was open in `open_minutes` of them: in all without
    a calendar. `until`: when a gap that is not yet available, or known to be empty, is to be asked again; None if that
    is not known."""

    start: datetime
    end: datetime
    verdict: Verdict
    evidence: str
    open_minutes: int
    until: datetime | None = None

    @property
    def minutes(self) -> int:
        """How many minutes have no bar."""
        return (self.end - self.start) // timedelta(minutes=1)
