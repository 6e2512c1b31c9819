"""Which run brought a fault, and why one is gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection

from marketdata.models import QualityFinding, Series
from marketdata.quality.store.bar_runs import find_bringers, list_runs
from marketdata.quality.store.found import Found

# The newest run that wrote or changed bars of the range after the fault was last seen.
_CHANGERS = """
SELECT runs.id, runs.kind
FROM data_ingest_runs AS runs
WHERE (runs.id = ANY (%(runs)s::bigint[]) OR runs.id IN (
    SELECT revised_by_id FROM market_bar_revisions
    WHERE symbol = %(symbol)s AND ts >= %(start)s AND ts < %(stop)s
)) AND runs.status = 'success' AND runs.finished_at > %(seen)s
ORDER BY runs.finished_at DESC LIMIT 1
"""
_MANY = 200  # findings of one check whose run is looked up


def find_runs(series: Series, found: Sequence[Found]) -> list[int | None]:
    """The run that brought each fault of a series."""
    if not found:
        return []
    return find_bringers(series.symbol, [(fault.start, fault.end) for fault in found])


class Explainer:
    """The sentence for a finding that is gone: which run changed its bars, or that the settings did."""

    def __init__(self, series: Series) -> None:
        self._series, self._left = series, _MANY

    def __call__(self, finding: QualityFinding) -> str:
        self._left -= 1
        run = self._find_changer(finding) if self._left >= 0 else None
        if run is None:
            return "The bars are unchanged, and a check with the present settings no longer finds it."
        number, kind, has_bars = run
        who = f"Run {number} (an undo)" if kind == "undo" else f"Run {number}"
        if not has_bars:
            return f"{who} removed the bars."
        if finding.kind == QualityFinding.Kind.MISSING:
            return f"{who} loaded bars of these minutes."
        if finding.kind == QualityFinding.Kind.SILENCE:
            return f"{who} loaded newer bars."
        return f"{who} corrected the bars."

    def _find_changer(self, finding: QualityFinding) -> tuple[int, str, bool] | None:
        runs = list_runs(self._series.symbol, finding.start, finding.end)
        values: dict[str, Any] = {
            "symbol": self._series.symbol,
            "start": finding.start,
            "stop": finding.end,
            "seen": finding.last_seen,
            "runs": runs,
        }
        with connection.cursor() as cursor:
            cursor.execute(_CHANGERS, values)
            found: tuple[int, str] | None = cursor.fetchone()
        return (*found, bool(runs)) if found else None
