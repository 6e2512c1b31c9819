"""The gaps of series with their verdicts, as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from marketdata.coverage.verdicts.model import JudgedGap, Verdict
from marketdata.coverage.verdicts.query import Judgement
from marketdata.coverage.verdicts.serialize import serialize_counts, serialize_gap
from marketdata.formatting import format_count, format_minutes
from marketdata.models import Series

# Verdicts that need no attention are counted in text, not listed.
_COUNTED = (Verdict.CLOSED, Verdict.NO_TRADE)
_FORMAT = "%Y-%m-%d %H:%M"


def format_gaps(series: Series, found: Judgement, *, show_all: bool) -> str:
    """The summary of one series, and its gaps; without `show_all` those that may need attention."""
    lines = [f"{series.slug} ({series.symbol}): {format_count(len(found), 'gap')}"]
    for verdict, (count, minutes) in found.count_verdicts().items():
        lines.append(f"  {verdict.label}: {format_count(count, 'gap')}, {format_minutes(minutes)}")
    lines += [_format_gap(gap) for gap in found if show_all or gap.verdict not in _COUNTED]
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


def serialize_gaps(found: Sequence[tuple[Series, Judgement]]) -> dict:
    """The object that `--json` prints: all gaps, and the number of each verdict by series."""
    return {
        "gaps": [{"series": series.slug} | serialize_gap(gap) for series, gaps in found for gap in gaps],
        "series": [
            {"series": series.slug, "symbol": series.symbol, "verdicts": serialize_counts(gaps)}
            for series, gaps in found
        ],
    }
