"""Sentences for the user about withdrawn bars: which they are, and why some are not counted or not removed."""

from __future__ import annotations

from collections.abc import Iterator

from ingestion.dbn.metadata import DbnMetadata
from ingestion.dbn.text import to_printable
from ingestion.loading.withdrawn import WithdrawnBars
from marketdata.formatting import format_count


def describe_withdrawn(withdrawn: WithdrawnBars, metadata: DbnMetadata, *, remove: bool) -> Iterator[str]:
    """The notes of a file. `remove`: whether --remove-withdrawn was given."""
    if remove and (reason := _find_reason_not_compared(metadata)):
        yield f"No bar was compared for --remove-withdrawn: {reason}."
    if withdrawn.count:
        yield f"{_name_bars(withdrawn)} {_describe_remedy(withdrawn)}"
    if withdrawn.unfinished_count:
        bars = format_count(withdrawn.unfinished_count, "bar")
        yield (
            f"The table has {bars} in the file's range that the file does not have, but {withdrawn.unfinished_reason}, "
            "so the data are not final: they are not counted as withdrawn, and stay."
        )


def _find_reason_not_compared(metadata: DbnMetadata) -> str:
    if metadata.limit:
        return f"the download was limited to {metadata.limit:,} rows, so bars that it does not have may exist"
    if metadata.start is None or metadata.end is None:
        return "the file does not state its time range"
    return ""


def _name_bars(withdrawn: WithdrawnBars) -> str:
    named = "; ".join(f"{to_printable(symbol)} {ts:%Y-%m-%d %H:%M} UTC" for symbol, ts in withdrawn.first)
    hidden = withdrawn.count - len(withdrawn.first)
    more = f"; and {hidden:,} more" if hidden else ""
    bars = format_count(withdrawn.count, "bar")
    return f"Withdrawn: the table has {bars} in the file's range that the file does not have: {named}{more}."


def _describe_remedy(withdrawn: WithdrawnBars) -> str:
    if not withdrawn.remove:
        return "--remove-withdrawn removes them."
    if withdrawn.doubt:
        return f"They stay, since {withdrawn.doubt}: download it again, or remove it."
    return "--remove-withdrawn was given, so they are removed."
