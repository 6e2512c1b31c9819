"""Which rows of a page are provisional, as ranges: most pages have none or one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from rest_framework import serializers

from marketdata.timestamps import to_iso

PROVISIONAL = (
    "The rows of this page that the live feed brought and history has not confirmed yet, as ranges of `ts`. They may "
    "change."
)
_MINUTE = timedelta(minutes=1)


class ProvisionalRangeSerializer(serializers.Serializer):
    """The half-open range [start, end)."""

    start = serializers.DateTimeField(help_text="The first `ts`.")
    end = serializers.DateTimeField(help_text="One minute after the last `ts`.")


def list_ranges(times: Iterable[datetime], flags: Sequence[bool]) -> list[dict[str, str | None]]:
    """The ranges of consecutive rows whose flag is set. The rows are in time order, or the reverse."""
    if not any(flags):
        return []
    ranges = []
    for flag, rows in groupby(zip(times, flags, strict=True), key=lambda row: row[1]):
        if flag:
            group = [ts for ts, _ in rows]
            ranges.append({"start": to_iso(min(group)), "end": to_iso(max(group) + _MINUTE)})
    return sorted(ranges, key=lambda one: one["start"] or "")
