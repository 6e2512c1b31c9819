"""Parts of gaps as arrays, and which of them are one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marketdata.coverage.verdicts.model import VERDICTS, Verdict


@dataclass(frozen=True)
class Parts:
    """Parts of gaps in time order: the number of the gap, start and end, the index of the verdict, and its cause."""

    gap: np.ndarray
    low: np.ndarray
    high: np.ndarray
    verdicts: np.ndarray
    causes: np.ndarray


def join(parts: Parts) -> Parts:
    """Neighbours in one gap with one verdict and one cause are one part."""
    if not len(parts.gap):
        return parts
    same = (np.diff(parts.gap) == 0) & (np.diff(parts.verdicts) == 0) & (np.diff(parts.causes) == 0)
    first = np.flatnonzero(np.concatenate(([True], ~same)))
    last = np.append(first[1:], len(parts.gap)) - 1
    return Parts(parts.gap[first], parts.low[first], parts.high[last], parts.verdicts[first], parts.causes[first])


def absorb_closed(parts: Parts) -> Parts:
    """A closed part between two parts with one cause belongs to them: a missing month is one gap, not twenty."""
    verdicts, causes = parts.verdicts.copy(), parts.causes.copy()
    inner = np.arange(1, len(parts.gap) - 1)
    before, after = inner - 1, inner + 1
    absorbed = inner[
        (verdicts[inner] == VERDICTS.index(Verdict.CLOSED))
        & (parts.gap[before] == parts.gap[after])
        & (verdicts[before] == verdicts[after])
        & (causes[before] == causes[after])
        & (verdicts[before] != VERDICTS.index(Verdict.NO_TRADE))
    ]
    verdicts[absorbed], causes[absorbed] = verdicts[absorbed - 1], causes[absorbed - 1]
    return Parts(parts.gap, parts.low, parts.high, verdicts, causes)
