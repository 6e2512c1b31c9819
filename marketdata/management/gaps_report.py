"""The gaps of series with their verdicts, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from marketdata.coverage.verdicts.model import VERDICTS, JudgedGap, Verdict
from marketdata.formatting import format_count, format_minutes
from marketdata.models import Series
from marketdata.timestamps import to_iso

# Verdicts that need no attention are counted in text, not listed.
_COUNTED = (Verdict.CLOSED, Verdict.NO_TRADE)
_FORMAT = "%Y-%m-%d %H:%M"


@dataclass(frozen=True)
class SeriesGaps:
    """The gaps of one series, in time order."""

    series: Series
    gaps: Sequence[JudgedGap]

    def summarize(self) -> list[tuple[Verdict, int, int]]:
        """Verdict, number of gaps and their open minutes (all minutes of closed ones), the most serious first."""
        counts = Counter(gap.verdict for gap in self.gaps)
        minutes: Counter[Verdict] = Counter()
        for gap in self.gaps:
            minutes[gap.verdict] += gap.minutes if gap.verdict is Verdict.CLOSED else gap.open_minutes
        return [(verdict, counts[verdict], minutes[verdict]) for verdict in reversed(VERDICTS) if counts[verdict]]


def format_gaps(found: SeriesGaps, *, show_all: bool) -> str:
    """The summary of one series, and its gaps; without `show_all` those that may need attention."""
    lines = [f"{found.series.slug} ({found.series.symbol}): {format_count(len(found.gaps), 'gap')}"]
    if not found.gaps:
        return f"{lines[0]}."
    for verdict, count, minutes in found.summarize():
        lines.append(f"  {verdict.label}: {format_count(count, 'gap')}, {format_minutes(minutes)}")
    lines += [_format_gap(gap) for gap in found.gaps if show_all or gap.verdict not in _COUNTED]
    return "\n".join(lines)


def _format_gap(gap: JudgedGap) -> str:
    again = (
        f" Available from about {gap.until:{_FORMAT}} UTC."
        if gap.verdict is Verdict.NOT_YET_AVAILABLE and gap.until
        else ""
    )
    if gap.verdict is Verdict.KNOWN_EMPTY and gap.until:
        again = f" Asked again from {gap.until:{_FORMAT}} UTC on."
    return (
        f"  {gap.start:{_FORMAT}} to {gap.end:{_FORMAT}}  {format_minutes(gap.open_minutes)}  {gap.verdict.label}: "
        f"{gap.evidence}{again}"
    )


def serialize_gaps(found: Iterable[SeriesGaps]) -> dict:
    """The object that `--json` prints: all gaps, and the summary of each series."""
    results = list(found)
    return {
        "gaps": [serialize_gap(gap, one.series) for one in results for gap in one.gaps],
        "series": [
            {
                "series": one.series.slug,
                "symbol": one.series.symbol,
                "verdicts": {
                    verdict: {"gaps": count, "open_minutes": minutes} for verdict, count, minutes in one.summarize()
                },
            }
            for one in results
        ],
    }


def serialize_gap(gap: JudgedGap, series: Series) -> dict:
    """One gap: times in UTC, half-open."""
    return {
        "series": series.slug,
        "start": to_iso(gap.start),
        "end": to_iso(gap.end),
        "minutes": gap.minutes,
        "open_minutes": gap.open_minutes,
        "verdict": gap.verdict,
        "evidence": gap.evidence,
        "until": to_iso(gap.until),
    }
