"""How many findings other thresholds would have made, counted on the stored bars. Nothing is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from marketdata.models import Series
from marketdata.quality.context import read_bounds
from marketdata.quality.detectors.thresholds import KINDS, Thresholds
from marketdata.quality.engine import find_judged, judge_window, list_windows
from marketdata.quality.registry import BAR_KINDS, DETECTORS

FACTORS = (0.5, 0.75, 1.0, 1.5, 2.0)


@dataclass(frozen=True)
class Trial:
    """One threshold of a kind on a series, and how many findings it makes."""

    series: Series
    kind: str
    threshold: float
    is_current: bool
    count: int


def backtest(
    series: Series,
    *,
    kinds: Sequence[str] = (),
    values: Sequence[float] = (),
    start: datetime | None = None,
    end: datetime | None = None,
    now: datetime,
) -> list[Trial]:
    """The trials of these kinds, by default of all that are found in bars, with their thresholds times each factor.

    `values` are thresholds of one kind, tried beside the present one. Raises `UnknownThreshold`.
    """
    bounds = read_bounds(series, now)
    span = find_judged(bounds, start, end) if bounds else None
    if bounds is None or span is None:
        return []
    present = bounds.context.thresholds
    chosen = [kind for kind in KINDS if kind in (kinds or BAR_KINDS)]
    tried = _list_tried(present, chosen, values)
    counts: list[Counter[str]] = [Counter() for _ in tried]
    memories: list[dict[str, object]] = [{} for _ in tried]
    for window in list_windows(bounds, span):
        for count, memory, thresholds in zip(counts, memories, tried, strict=True):
            context = replace(window.context, thresholds=thresholds, memory=memory)
            count.update(found.kind for found in judge_window(replace(window, context=context), DETECTORS))
    return [
        Trial(series, kind, thresholds.get(kind), thresholds.get(kind) == present.get(kind), count[kind])
        for kind in chosen
        for thresholds, count in zip(tried, counts, strict=True)
    ]


def _list_tried(present: Thresholds, kinds: Sequence[str], values: Sequence[float]) -> list[Thresholds]:
    """The thresholds of each pass, in ascending order. Kinds hardly depend on one another, so one pass tries a
    factor for all of them."""
    if values:
        (kind,) = kinds
        return [present.override({kind: value}) for value in sorted({present.get(kind), *values})]
    return [present.override({kind: present.get(kind) * factor for kind in kinds}) for factor in FACTORS]
