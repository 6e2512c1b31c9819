"""Series that exist already under the name of a contract: bars may join them on other dates than theirs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.db.backends.utils import CursorWrapper

from ingestion.dbn.text import to_printable
from ingestion.split.dates import find_dates, find_run_on
from marketdata.models import Series


class OccupiedDates:
    """On which dates the targets of a split have bars, or had some: stored ones, and those that the split adds.

    An undo finds the bars of a split by their dates. So two series never join on one date, not even with equal bars.
    """

    def __init__(self, cursor: CursorWrapper) -> None:
        self._cursor = cursor
        self._stored: dict[str, set[date]] = {}
        self._added: dict[str, dict[date, Series]] = {}

    def find(self, source: Series, target: str) -> set[date]:
        """The dates of a target that bars of other series than the source occupy."""
        if target not in self._stored:
            self._stored[target] = set(find_dates(self._cursor, target))
        added = self._added.get(target, {})
        return self._stored[target] | {day for day, series in added.items() if series.pk != source.pk}

    def add(self, source: Series, names: dict[date, str]) -> None:
        """Bars of the source move on these dates, by the names of the targets."""
        for day, name in names.items():
            self._added.setdefault(name, {})[day] = source

    def find_reason(self, source: Series, target: str, days: Iterable[date]) -> str:
        """Why bars of these dates cannot join the target: a sentence for the user. Empty if they can."""
        series = Series.objects.filter(symbol=target).first()
        if series and series.dataset not in ("", source.dataset):
            return (
                f"{source.slug} has bars of {to_printable(target)}, but the series {series.slug} is of "
                f"{to_printable(series.dataset)}: change the dataset of one of them in the admin."
            )
        shared = min(self.find(source, target).intersection(days), default=None)
        return self._describe(source, target, series, shared) if shared else ""

    def _describe(self, source: Series, target: str, series: Series | None, day: date) -> str:
        what = f"{source.slug} has bars of {to_printable(target)} on {day}, and so has"
        other = self._added.get(target, {}).get(day)
        if other is not None:
            return f"{what} {other.slug}: undo the run that stored one of them, and run the command again."
        run_id = find_run_on(self._cursor, target, day)
        return (
            f"{what} the series {series.slug if series else to_printable(target)} (run {run_id}): undo run {run_id}, "
            f"or the run that stored them in {source.slug}, and run the command again."
        )
