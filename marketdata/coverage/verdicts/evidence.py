"""The evidence of a verdict as a sentence, and when the vendor is to be asked again."""

from __future__ import annotations

from datetime import datetime

from marketdata.coverage.verdicts.knowledge import Knowledge
from marketdata.coverage.verdicts.model import Verdict
from marketdata.coverage.verdicts.rules import BY_FILE, BY_LIVE
from marketdata.formatting import format_count
from marketdata.rollup.minute_masks import minute_to_datetime


def explain(known: Knowledge, verdict: Verdict, cause: int, low: int) -> tuple[str, datetime | None]:
    """The sentence about a gap from the minute `low` on, whose verdict has this cause (see `rules`)."""
    match verdict:
        case Verdict.CLOSED:
            return f"Outside the regular hours of the calendar {known.series.calendar}.", None
        case Verdict.NO_TRADE if cause == BY_FILE:
            return "A loaded file covers these minutes and has no bar.", None
        case Verdict.NO_TRADE if cause >= BY_LIVE:
            session = known.live[cause - BY_LIVE].session
            return f"Live session {session} closed these minutes; history has not confirmed them yet.", None
        case Verdict.NO_TRADE:
            return "The vendor's history covers these minutes and has no bar.", None
        case Verdict.KNOWN_EMPTY if cause >= 0:
            row = known.empty[cause]
            return f"{row.get_why_display().capitalize()}: {row.evidence}", row.ask_again_at
        case Verdict.KNOWN_EMPTY:
            return "The vendor states that it lacks the day.", None
        case Verdict.NOT_YET_AVAILABLE:
            return _explain_availability(known, low)
        case Verdict.DEGRADED if known.days.covered_until[cause]:
            return "The vendor calls the day degraded: its history may lack minutes.", None
        case Verdict.DEGRADED:
            return "The vendor calls the day degraded, and no history of it is loaded.", None
        case _:
            return _explain_missing(known, cause), None


def _explain_availability(known: Knowledge, low: int) -> tuple[str, datetime | None]:
    if known.availability is None or known.available_end is None:
        return "The vendor calls the day pending.", None
    when = max(minute_to_datetime(low) + known.availability.lag, known.now)
    return f"The vendor's history ends at {known.available_end:%Y-%m-%d %H:%M} UTC.", when


def _explain_missing(known: Knowledge, cause: int) -> str:
    if cause < 0:
        return "No bars are stored, and no history covers these minutes."
    delivered = format_count(int(known.days.records[cause]), "bar")
    return f"History delivered {delivered} of the day, and {int(known.stored[cause]):,} are stored."
