"""Sessions, or parts of them, of another contract: away from the market from one break of trading to another.

Prices move while the exchange is closed, so a step across a break shows little alone. Two steps that take each other
back show more, and volumes that differ from those of the same hours on other days more still. For each pair of steps
the probability under "another contract" is compared with that under "two moves of the market":

- A move across a break follows Student's t with three degrees of freedom: most are small, and some are large. Its scale
  is that of the breaks of the like around it.
- Another contract has a basis, of any size from `MIN_BASIS` to `MAX_BASIS` of the price, and the moves on top of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from marketdata.quality.detectors.model import DAY, MINUTE, Bars
from marketdata.quality.detectors.prices.scales import MIN_GAPS, Scales, find_gaps

# From the first bar to the last one: some sessions. More are a roll to another contract, and one back is none.
MAX_RUN = 3 * DAY
MAX_BREAK = 2 * DAY  # more: a long weekend can come after
LONG_BREAK = 1_000  # minutes: a weekend or a holiday
MAX_PER_SESSION = 4  # breaks of one length
MIN_BARS = 10
# By default a smaller basis is no finding; the prices of a market that hardly moves differ by as much.
MIN_BASIS, MAX_BASIS = 0.0015, 0.1
# The log of how much likelier another contract must be. With one pair of steps for each session, chance makes one in
# exp(6.5) sessions so likely at most: one in 32 months.
MIN_LOG_RATIO = 6.5
# Parts of sessions are many more. In a thin market prices also bounce between bid and ask, so steps cancel out.
MORE_FOR_PARTS, MORE_WHEN_THIN = 1.0, 2.0
USUAL_STEPS = 12  # that are compared with one, if each day has one break
# Of so many steps one is that of another fault or event, and has any size: that it is large shows no more than this.
FAULT_SHARE = 1e-3
# Breaks of the like on each side of a break, whose median step is the scale there.
NEIGHBOURS = 15
MEDIAN = 0.765  # of the absolute values of Student's t with three degrees of freedom
# One step of a pair must be so many scales, and each at least so many: the others are not looked at.
MIN_STRONG, MIN_WEAK = 2.0, 0.7
MAX_REMAINDER = 0.6  # of the basis
# A step between minutes that follow one another: `Scales.jump` is the largest usual one, so many times the scale.
JUMP_FACTOR, MIN_JUMP = 5.0, 2.0
# Volumes are compared with those of the same hours so many days before and after. Their log differs by about so much.
OTHER_DAYS, MIN_OTHER_DAYS = (-14, -7, -1, 1, 7, 14), 3
VOLUME_SPREAD = 0.4
# Half of the other contracts have volumes like the series' own, the others any down to exp(-8) of it.
OWN_SHARE, LOG_VOLUMES = 0.5, 8.0


@dataclass(frozen=True)
class BreakRun:
    """The bars from `first` to `stop` (positions, exclusive) are `offset` away from the market."""

    first: int
    stop: int
    offset: float
    log_ratio: float


def find_break_runs(bars: Bars, scales: Scales, burst: np.ndarray, explained: np.ndarray, tick: int) -> list[BreakRun]:
    """The runs that begin or end with a break, the clearest ones first, disjoint.

    `burst`: by how much the volume of each bar lets prices move further. `explained`: whether the step before each bar
    belongs to another excursion.
    """
    pairs = _Pairs(bars, scales, burst, explained, tick)
    found = sorted(pairs.find(), key=lambda run: -run.log_ratio)
    disjoint: list[BreakRun] = []
    for run in found:
        if all(run.stop <= other.first or other.stop <= run.first for other in disjoint):
            disjoint.append(run)
    return disjoint


class _Pairs:
    """The steps that can begin or end a run, and what each pair of them shows."""

    def __init__(self, bars: Bars, scales: Scales, burst: np.ndarray, explained: np.ndarray, tick: int) -> None:
        self._bars, self._step = bars, scales.step
        breaks = _measure_breaks(scales, tick)
        is_break = breaks > 0
        is_jump = ~is_break & scales.is_linked & (np.abs(scales.step) >= MIN_JUMP * scales.jump * burst)
        self._scale = np.where(is_break, breaks, scales.jump / JUMP_FACTOR) * burst
        self._is_break = is_break
        self._is_session, self._is_thin = scales.is_session, scales.is_thin
        self._session = np.cumsum(scales.is_session)
        self._steps = np.flatnonzero((is_break | is_jump) & ~explained)
        self._contract = np.cumsum(~scales.is_linked)
        self._volume = np.concatenate(([0], np.cumsum(bars.volume)))

    def find(self) -> list[BreakRun]:
        size = np.abs(self._step[self._steps]) / self._scale[self._steps]
        found = [run for at in np.flatnonzero(size >= MIN_STRONG) for run in self._match(int(at), size)]
        return list({(run.first, run.stop): run for run in found}.values())

    def _match(self, number: int, size: np.ndarray) -> list[BreakRun]:
        """The runs that one of the steps begins, and those that it ends."""
        at, steps, ts = int(self._steps[number]), self._steps, self._bars.ts
        first, stop = np.searchsorted(ts[steps], (ts[at] - MAX_RUN - MAX_BREAK, ts[at] + MAX_RUN + MAX_BREAK))
        others = np.arange(first, stop)
        is_same = self._contract[steps[others]] == self._contract[at]
        is_pair = self._is_break[at] | self._is_break[steps[others]]
        length = ts[np.maximum(steps[others], at) - 1] - ts[np.minimum(steps[others], at)]
        is_run = (np.abs(steps[others] - at) >= MIN_BARS) & (length <= MAX_RUN)
        others = others[is_same & is_pair & is_run & (size[others] >= MIN_WEAK)]
        begins, ends = np.minimum(steps[others], at), np.maximum(steps[others], at)
        # With more steps there are more pairs, as the square of the steps, and one of them is the likeliest by chance.
        # Sessions have one pair each.
        more = MORE_FOR_PARTS + 2 * float(np.log(max((stop - first) / USUAL_STEPS, 1.0)))
        more += MORE_WHEN_THIN if self._is_thin[at] else 0.0
        needed = MIN_LOG_RATIO + np.where(self._are_sessions(begins, ends), 0.0, more)
        offsets, ratios = self._judge(begins, ends)
        found = []
        for number in np.flatnonzero(ratios >= needed - LOG_VOLUMES).tolist():
            begin, end = int(begins[number]), int(ends[number])
            total = float(ratios[number]) + self._judge_volume(begin, end)
            if total >= needed[number]:
                found.append(BreakRun(begin, end, float(offsets[number]), total))
        return found

    def _are_sessions(self, begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Whether each run is all bars of one trading day."""
        is_one = self._session[ends] == self._session[begins] + 1
        are: np.ndarray = is_one & self._is_session[begins] & self._is_session[ends]
        return are

    def _judge(self, begins: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The offset between each pair of steps, and the log of how much likelier another contract explains them."""
        into, out = self._step[begins], self._step[ends]
        scale_in, scale_out = self._scale[begins], self._scale[ends]
        offset = (into * scale_out**2 - out * scale_in**2) / (scale_in**2 + scale_out**2)
        price = np.maximum(np.abs(self._bars.close[begins - 1].astype(np.float64)), 1.0)
        size = np.maximum(np.abs(offset), 1.0)
        basis = -np.log(2 * np.log(MAX_BASIS / MIN_BASIS) * size)
        ratio = _log_density(into + out, np.hypot(scale_in, scale_out)) + basis
        for step, scale in ((into, scale_in), (out, scale_out)):
            fault = basis + np.log(np.maximum(size, 1.0) / np.maximum(np.abs(step), 1.0)) + np.log(FAULT_SHARE)
            ratio -= np.logaddexp(_log_density(step, scale), fault)
        is_run = (into * out < 0) & (np.abs(into + out) <= MAX_REMAINDER * size)
        is_run &= (size >= MIN_BASIS * price) & (size <= MAX_BASIS * price)
        return offset, np.where(is_run, ratio, -np.inf)

    def _judge_volume(self, begin: int, end: int) -> float:
        """The log of how much likelier another contract explains the volume."""
        start, stop = int(self._bars.ts[begin]), int(self._bars.ts[end - 1]) + MINUTE
        others = [self._count(start + days * DAY, stop + days * DAY) for days in OTHER_DAYS]
        traded = [volume for volume in others if volume > 0]
        if len(traded) < MIN_OTHER_DAYS:
            return 0.0
        change = float(np.log(max(self._count(start, stop), 1) / np.median(traded)))
        if change >= 0:
            return float(np.log(OWN_SHARE))
        by_chance = float(np.exp(_log_density(np.array(change), np.array(VOLUME_SPREAD))))
        return float(np.log(OWN_SHARE + (1 - OWN_SHARE) / LOG_VOLUMES / by_chance))

    def _count(self, start: int, stop: int) -> int:
        first, last = np.searchsorted(self._bars.ts, (start, stop))
        return int(self._volume[last] - self._volume[first])


def _measure_breaks(scales: Scales, tick: int) -> np.ndarray:
    """The scale of the step across each break, by those of the like around it; 0 where there is no break."""
    found = np.zeros(len(scales.step))
    for where in _find_breaks(scales):
        # Calm and wild days differ: in units of the moves within bars, steps across breaks are more alike.
        move = scales.move[where]
        steps = np.abs(scales.step[where]) / move
        # Not the step itself, and not less than half of the usual: of few breaks, small steps are chance.
        padded = np.concatenate((np.full(NEIGHBOURS, np.nan), steps, np.full(NEIGHBOURS, np.nan)))
        around = np.lib.stride_tricks.sliding_window_view(padded, 2 * NEIGHBOURS + 1).copy()
        around[:, NEIGHBOURS] = np.nan
        usual = np.maximum(np.nanmedian(around, axis=1), float(np.median(steps)) / 2)
        found[where] = np.maximum(usual * move / MEDIAN, max(2.0 * tick, 1.0))
    return found


def _find_breaks(scales: Scales) -> Iterator[np.ndarray]:
    """The positions of the bars after breaks, those of the like together: daily breaks, weekends, other pauses."""
    begins = scales.is_session & scales.is_linked
    is_weekend = scales.gap > LONG_BREAK
    for where in (np.flatnonzero(begins & ~is_weekend), np.flatnonzero(begins & is_weekend)):
        if len(where) >= MIN_GAPS:
            yield where
    for where in find_gaps(scales.gap, scales.is_linked & ~scales.is_session):
        # In a thin market they are pauses between trades.
        if len(where) <= MAX_PER_SESSION * scales.is_session.sum():
            yield where


def _log_density(value: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The log of the density of Student's t with three degrees of freedom."""
    density: np.ndarray = np.log(0.3675) - 2 * np.log1p((value / scale) ** 2 / 3) - np.log(scale)
    return density
