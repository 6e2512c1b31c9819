"""What a check found, before it is compared with what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from marketdata.quality.detectors.model import Detected
from marketdata.quality.reading import to_datetime
from marketdata.timestamps import to_iso

_LIMIT = 1e15
_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class Found:
    """A fault as a finding has it: UTC times, prices as text. `identity`: what it is about if it has no bars."""

    kind: str
    severity: str
    start: datetime
    end: datetime
    value: float
    threshold: float
    text: str
    evidence: list[dict[str, Any]] = field(default_factory=list)
    group: str = ""
    identity: str = ""
    run_id: int | None = None
    series_id: int | None = None


def to_found(detected: Detected, series_id: int) -> Found:
    """A detector's finding of a series."""
    return Found(
        kind=detected.kind,
        severity=detected.severity,
        start=to_datetime(detected.start_ns),
        end=to_datetime(detected.end_ns),
        value=_limit(detected.value),
        threshold=_limit(detected.threshold),
        text=detected.text,
        evidence=[_to_json(bar) for bar in detected.evidence],
        group=detected.group or "",
        series_id=series_id,
    )


def _limit(value: float) -> float:
    """The value as JSON can have it."""
    return min(max(float(value), -_LIMIT), _LIMIT) if value == value else 0.0


def _to_json(bar: Mapping[str, int]) -> dict[str, Any]:
    """A bar with its time in UTC and its prices as exact text."""
    return {name: _to_value(name, int(value)) for name, value in bar.items()}


def _to_value(name: str, value: int) -> object:
    if name == "ts":
        return to_iso(to_datetime(value))
    return format(Decimal(value).scaleb(-9).normalize(), "f") if name in _PRICES else value
