"""Puts faults of every kind into clean bars. The same bars and the same seed give the same faults."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmarks.faults.model import Editor, Fault, Injector
from benchmarks.faults.prices import (
    add_late_day,
    add_off_tick,
    add_repeated_day,
    add_scale,
    add_spike,
    add_stale_hour,
    add_swapped_digits,
    add_wrong_contract,
)
from benchmarks.faults.times import (
    add_closed_bars,
    cut_session,
    remove_day,
    remove_five_minutes,
    remove_hour,
    remove_session,
)
from benchmarks.faults.volumes import add_zero_volume, multiply_volume
from marketdata.quality.detectors.model import Bars
from marketdata.quality.detectors.sessions import Sessions

# Each fault, and how many of it a year of bars gets. Long ones come first, while there are free days.
FAULTS: Mapping[str, tuple[Injector, int]] = {
    "missing session": (remove_session, 4),
    "missing day": (remove_day, 4),
    "repeated day": (add_repeated_day, 6),
    "late day": (add_late_day, 4),
    "session tail": (cut_session, 12),
    "bars while closed": (add_closed_bars, 12),
    "wrong contract": (add_wrong_contract, 24),
    "missing hour": (remove_hour, 20),
    "stale hour": (add_stale_hour, 20),
    "five minutes": (remove_five_minutes, 20),
    "x100": (add_scale(100), 20),
    "x10": (add_scale(10), 20),
    "/10": (add_scale(0.1), 10),
    "/100": (add_scale(0.01), 10),
    "spike": (add_spike, 60),
    "swapped digits": (add_swapped_digits, 60),
    "off tick": (add_off_tick, 20),
    "zero volume": (add_zero_volume, 20),
    "volume x100": (multiply_volume(100), 40),
    "volume x1e6": (multiply_volume(1_000_000), 20),
}


def inject_faults(
    bars: Bars, sessions: Sessions, *, tick: int, seed: int, share: float = 1.0, names: list[str] | None = None
) -> tuple[Bars, list[Fault]]:
    """The bars with faults, and the faults in time order.

    `share`: of the number of faults that a year gets; about the years that the bars span. `names`: keys of `FAULTS`;
    None for all. A fault that finds no free place is left out.
    """
    editor = Editor(bars, sessions, tick, np.random.default_rng(seed))
    for name in FAULTS if names is None else names:
        add, count = FAULTS[name]
        for _ in range(max(round(count * share), 1)):
            if not add(editor):
                break
    return editor.build(), sorted(editor.faults, key=lambda fault: fault.start)
