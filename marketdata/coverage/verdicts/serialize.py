"""Gaps and their verdicts as JSON: of the API and of `manage.py gaps --json`."""

from __future__ import annotations

from marketdata.coverage.verdicts.model import JudgedGap
from marketdata.coverage.verdicts.query import Judgement
from marketdata.timestamps import to_iso


def serialize_gap(gap: JudgedGap) -> dict:
    """One gap: times in UTC, half-open."""
    return {
        "start": to_iso(gap.start),
        "end": to_iso(gap.end),
        "minutes": gap.minutes,
        "open_minutes": gap.open_minutes,
        "verdict": gap.verdict,
        "evidence": gap.evidence,
        "until": to_iso(gap.until),
    }


def serialize_counts(found: Judgement) -> dict:
    """The number of gaps and their open minutes by verdict; verdicts that no gap has are omitted."""
    return {
        verdict.value: {"gaps": count, "open_minutes": minutes}
        for verdict, (count, minutes) in found.count_verdicts().items()
    }
