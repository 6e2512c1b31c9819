"""Prices that leave the market and come back, in one bar or in several.

A market that moves trades on its way: the next bar opens near the last close. A wrong price does not, so it shows as
two jumps between neighbouring bars that cancel out, or as an extreme that neither the bar's own open and close nor the
bars around it come near. What is judged is always a difference in units of the local scale, so that negative prices,
spreads and volatile markets need no other rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from marketdata.quality.detectors.model import DAY, Bars, SeriesContext
from marketdata.quality.detectors.prices.breaks import find_break_runs
from marketdata.quality.detectors.prices.digits import is_swapped
from marketdata.quality.detectors.prices.rolling import WINDOW
from marketdata.quality.detectors.prices.scales import Scales, find_gaps, measure_scales

# Steps from which on a jump is looked at. Steps of real markets stay below 1 (the scale is the largest usual one).
MIN_JUMP = 2.0
# Of two jumps that cancel out across gaps, one must be at least this large: weekends open with gaps, too.
MIN_STRONG_JUMP = 3.5
# Whole sessions of another contract begin and end with a gap. Of two gaps that follow one another, both are rarely so
# large, and more rarely take each other back.
MIN_BREAK_JUMP = 1.5
# Two jumps cancel out if their sum is at most this share of the first one.
MAX_REMAINDER = 0.35
MAX_RUN = 4 * DAY  # from a jump to the one that cancels it
NEWS_VOLUME, NEWS_BARS = 6.0, 30  # times the median volume around: the first minute after news has more
CLEAR_FACTOR = 3.0
# Prices of thin markets move between their bars, and trades there are further from the last one.
THIN_FACTOR, THIN_RUN_FACTOR, LONG_THIN_RUN = 1.25, 2.0, 50
LONG_RUN, LONG_FACTOR = 500, 1.5  # the longer a run, the more jumps could cancel by chance
SHORT_RUN = 5  # bars, among which prices may be wrong in different ways
MAX_CANDIDATES = 12  # later jumps that are compared with one
# An extreme that swapped digits explain needs no more than this share of the threshold, if it is at least `MIN_SWAP` of
# the price: among small extremes, chance explains many.
SWAP_SHARE, MIN_SWAP = 0.7, 0.002
# A bar's range grows with its volume, between its square root and in proportion to it.
VOLUME_POWER = 0.7
# At the ends of the data only one side can be compared.
EDGE_FACTOR = 2.0
MAX_EDGE_BARS = 3  # a longer run that nothing ends is a jump, unless its prices are wrong by a power of ten
GAP_MINUTES = 5  # bars further apart are beside a gap
GAP_EXTREME_FACTOR = 1.5  # beside a gap, a bar's own open or close is no witness
# Where prices often leave and come back, as between bid and ask of a thin market, only more than this is a fault.
TAIL_SHARE, TAIL_FACTOR, TAIL_BARS = 0.98, 2.0, 200
RUN_TAIL_SHARE = 0.99
MAX_TAIL_FACTOR = 3.0  # times the threshold: many faults must not hide each other


@dataclass(frozen=True)
class Excursion:
    """The bars from `first` to `stop` (positions, exclusive) have prices `offset` away from the market.

    `score`: in units of the local scale. `is_level`: all prices of all its bars are away, not only single ones.
    """

    first: int
    stop: int
    score: float
    offset: float
    reference: float  # the price before it, or after it at the start of the data
    is_level: bool
    is_swap: bool = False


@dataclass(frozen=True)
class Jump:
    """The price before the bar at this position and the one from it on differ, and it does not come back."""

    at: int
    score: float
    step: float


@dataclass(frozen=True)
class Analysis:
    """What the bars of a window show. The detectors of all price kinds use it."""

    bars: Bars
    scales: Scales
    excursions: list[Excursion]
    jumps: list[Jump]


def analyse(bars: Bars, context: SeriesContext) -> Analysis:
    """The excursions and jumps around the judged bars, computed once for all detectors of a window."""
    cached = context.memory.get("prices")
    key = (context.judged, len(bars), context.thresholds.spike)
    if cached and cached[0] is bars.ts and cached[1] == key:
        analysis: Analysis = cached[2]
        return analysis
    near = select_near(bars, context)
    scales = measure_scales(near, context.tick)
    excursions, jumps = find_excursions(near, scales, context.thresholds.spike, context.tick)
    analysis = Analysis(near, scales, excursions, jumps)
    context.memory["prices"] = (bars.ts, key, analysis)
    return analysis


def select_near(bars: Bars, context: SeriesContext, *, count: int = 300) -> Bars:
    """The judged bars, and those of `MAX_RUN` and at least `count` bars before and after."""
    first, stop = np.searchsorted(bars.ts, context.judged)
    wide_first, wide_stop = np.searchsorted(bars.ts, (context.judged[0] - MAX_RUN, context.judged[1] + MAX_RUN))
    return bars.select(slice(min(max(int(first) - count, 0), int(wide_first)), max(int(stop) + count, int(wide_stop))))


def find_excursions(
    bars: Bars, scales: Scales, threshold: float, tick: int
) -> tuple[list[Excursion], list[Jump]]:
    """All excursions, in time order and disjoint, and the jumps that nothing cancels."""
    if not len(bars):
        return [], []
    finder = _Finder(bars, scales, threshold)
    finder.find_scales()
    finder.find_single_bars()
    finder.find_extremes()
    finder.find_breaks(tick)
    finder.find_runs()
    return sorted(_drop_inner(finder.found), key=lambda one: one.first), finder.jumps


def round_to(offset: float, tick: int) -> float:
    """The nearest multiple of the tick size; the offset itself if that is not known."""
    return float(round(offset / tick) * tick) if tick else offset


def _drop_inner(found: list[Excursion]) -> list[Excursion]:
    """Without small excursions within a run of wrong prices, whose scale they have."""
    runs = [one for one in found if one.is_level and one.stop - one.first > 1]
    return [
        one
        for one in found
        if not any(
            run is not one
            and run.first <= one.first
            and one.stop <= run.stop
            and abs(one.offset) <= MAX_REMAINDER * abs(run.offset)
            for run in runs
        )
    ]


MAX_LOG_ERROR = 0.1  # how far a factor may be from a power of ten, as a logarithm: the market moves meanwhile


def is_power_of_ten(price: float, reference: float) -> bool:
    """Whether one of the prices is about 10, 100, … times the other one."""
    if price * reference <= 0:
        return False
    log = float(np.log10(price / reference))
    return round(log) != 0 and abs(log - round(log)) <= MAX_LOG_ERROR


# First and last position (exclusive), score, offset, reference, and whether all prices are away.
Match = tuple[int, int, float, float, float, bool]


class _Finder:
    """Collects excursions. `flagged` are the bars that one has."""

    def __init__(self, bars: Bars, scales: Scales, threshold: float) -> None:
        self.bars, self.scales, self.threshold = bars, scales, threshold
        self.open, self.high, self.low, self.close = (
            getattr(bars, name).astype(np.float64) for name in ("open", "high", "low", "close")
        )
        self.flagged = np.zeros(len(bars), bool)
        self.explained = np.zeros(len(bars), bool)  # the jump before the bar
        self.found: list[Excursion] = []
        self.jumps: list[Jump] = []
        ratio = np.abs(scales.step) / scales.jump / np.where(scales.is_thin, THIN_FACTOR, 1.0)
        self.burst = self._measure_bursts()
        ratio /= self.burst
        self.ratio = ratio
        self.jump_threshold = max(threshold, self._find_tail(self._score_reversals()))
        # Two of many jumps cancel out by chance: in a market that often jumps, a run needs clearer ones.
        self.run_threshold = max(threshold, self._find_tail(ratio, RUN_TAIL_SHARE))
        self.is_break = np.zeros(len(bars), bool)
        for where in find_gaps(scales.gap, scales.is_linked):
            self.is_break[where] = True
        self.large = np.flatnonzero((ratio >= np.where(self.is_break, MIN_BREAK_JUMP, MIN_JUMP)) & scales.is_linked)

    def _measure_bursts(self) -> np.ndarray:
        """By how much prices may jump further because many trades come with it: news, opens and closes. The largest of
        the medians before, at and after the bar is usual, since another contract has other volumes."""
        usual = self.scales.volume
        if len(usual) > WINDOW:
            half = WINDOW // 2
            before = np.concatenate((usual[:half], usual[:-half]))
            after = np.concatenate((usual[half:], usual[-half:]))
            usual = np.maximum(np.maximum(before, after), usual)
        burst = np.sqrt(np.maximum(self.bars.volume / usual, 1.0))
        # The scale of steps across a gap is that of other gaps, after which there were many trades, too.
        for where in find_gaps(self.scales.gap, self.scales.is_linked):
            burst[where] = np.maximum(burst[where] / np.median(burst[where]), 1.0)
        # In a thin market a few contracts more are no burst.
        return np.where(self.scales.is_thin, 1.0, burst)

    def _score_reversals(self) -> np.ndarray:
        """For each bar the mean of the jumps into and out of it, if they cancel out."""
        into, ratio = self.scales.step, np.abs(self.ratio)
        out = np.append(into[1:], 0.0)
        does_cancel = (into * out < 0) & (np.abs(into + out) <= MAX_REMAINDER * np.abs(into))
        scores: np.ndarray = np.where(does_cancel, np.sqrt(ratio * np.append(ratio[1:], 0.0)), 0.0)
        return scores

    def _find_tail(self, scores: np.ndarray, share: float = TAIL_SHARE) -> float:
        """What few bars exceed, times `TAIL_FACTOR`."""
        if len(scores) < TAIL_BARS:
            return 0.0
        rank = int(share * (len(scores) - 1))
        tail = TAIL_FACTOR * float(np.partition(scores, rank)[rank])
        return min(tail, MAX_TAIL_FACTOR * self.threshold)

    def add(self, first: int, stop: int, score: float, offset: float, reference: float, **more: bool) -> None:
        self.flagged[first:stop] = True
        self.found.append(Excursion(first, stop, score, offset, reference, **{"is_level": False, **more}))

    # Jumps between bars.

    def find_scales(self) -> None:
        """Jumps by a power of ten come first: whatever is between them has their scale."""
        for number, at in enumerate(self.large.tolist()):
            if self.explained[at] or not is_power_of_ten(float(self.open[at]), float(self.close[at - 1])):
                continue
            found = self._match_single(at) or self._match_run(number, at, len(self.bars)) or self._match_edge(at)
            if found:
                self._add_match(at, found)

    def find_single_bars(self) -> None:
        """Then jumps that a single price or a single bar explains: a run must not end with one of them."""
        for at in self.large.tolist():
            if not self.explained[at] and (found := self._match_single(at)):
                self._add_match(at, found)

    def find_breaks(self, tick: int) -> None:
        """Then sessions of another contract, which only both of their ends show."""
        # A bar of another excursion makes the steps before and after it wrong.
        explained = self.explained | self.flagged
        explained[1:] |= self.flagged[:-1]
        for run in find_break_runs(self.bars, self.scales, self.burst, explained, tick):
            score, reference = float(self.ratio[run.first]), float(self.close[run.first - 1])
            self.add(run.first, run.stop, score, round_to(run.offset, tick), reference, is_level=True)
            self.explained[run.first : run.stop + 1] = True

    def find_runs(self) -> None:
        """Jumps that a later one cancels, short runs first, and then those that nothing does."""
        for most in (LONG_RUN, len(self.bars)):
            self.large = self.large[~self.explained[self.large]]
            for number, at in enumerate(self.large.tolist()):
                if not self.explained[at] and (found := self._match_run(number, at, most)):
                    self._add_match(at, found)
        for at in self.large[~self.explained[self.large]].tolist():
            if self.explained[at] or self.flagged[at - 1 : at + 1].any():
                continue
            if found := self._match_edge(at):
                self._add_match(at, found)
            elif self.ratio[at] >= self.jump_threshold:
                self.jumps.append(Jump(at, float(self.ratio[at]), float(self.scales.step[at])))

    def _match_single(self, at: int) -> Match | None:
        found = self._match_close(at) or self._match_open(at)
        if found is None and at + 1 < len(self.bars) and self.ratio[at + 1] >= MIN_JUMP:
            found = self._match_pair(at, at + 1)
        return found

    def _add_match(self, at: int, found: Match) -> None:
        first, stop, score, offset, reference, is_level = found
        is_swap = stop - first == 1 and self._explains(first, offset)
        self.add(first, stop, score, offset, reference, is_level=is_level, is_swap=is_swap)
        self.explained[at] = True
        if is_level:
            self.explained[first : stop + 1] = True

    def _match_close(self, at: int) -> Match | None:
        """The close before the jump is wrong: the bar before it opened where this one does."""
        step, before = self.scales.step[at], at - 1
        if self.flagged[before] or (self.close[before] - self.open[before]) * step >= 0:
            return None
        remainder = abs(self.open[at] - self.open[before])
        if remainder > MAX_REMAINDER * abs(step) or not self._is_strong(at, before, -step):
            return None
        return before, at, self.ratio[at], -step, float(self.open[before]), False

    def _match_open(self, at: int) -> Match | None:
        """The open after the jump is wrong: its own bar closes where the one before did."""
        step = self.scales.step[at]
        if (self.close[at] - self.open[at]) * step >= 0:
            return None
        remainder = abs(self.close[at] - self.close[at - 1])
        if remainder > MAX_REMAINDER * abs(step) or not self._is_strong(at, at, step):
            return None
        return at, at + 1, self.ratio[at], step, float(self.close[at - 1]), False

    def _is_strong(self, at: int, bar: int, offset: float) -> bool:
        """Whether this jump alone is enough: beyond the threshold, or explained by swapped digits."""
        share = SWAP_SHARE if self._explains(bar, offset) else 1.0
        return bool(self.ratio[at] >= self.jump_threshold * share and abs(offset) >= 1.5 * self.scales.move[bar])

    def _match_run(self, number: int, at: int, most: int) -> Match | None:
        """All prices are wrong from the jump on, until another jump cancels it."""
        last = int(np.searchsorted(self.bars.ts, self.bars.ts[at] + MAX_RUN, side="right"))
        later = self.large[number + 1 : int(np.searchsorted(self.large, min(last, at + most + 1)))]
        is_comparable = np.abs(self.scales.step[later]) >= (1 - MAX_REMAINDER) * abs(self.scales.step[at])
        for one in later[is_comparable | (later - at <= SHORT_RUN)][:MAX_CANDIDATES].tolist():
            if not self.scales.is_linked[at + 1 : one + 1].all():
                return None
            if not self.explained[one] and (found := self._match_pair(at, one)):
                return found
        return None

    def _match_pair(self, at: int, later: int) -> Match | None:
        """The jumps before these bars, if they cancel out."""
        step, back, reference = self.scales.step[at], self.scales.step[later], self.close[at - 1]
        if not (self.scales.is_linked[at] and self.scales.is_linked[later]):
            return None
        allowed = MAX_REMAINDER * abs(step) + self.scales.jump[later]
        is_back = step * back < 0 and abs(step + back) <= allowed and abs(back) >= (1 - MAX_REMAINDER) * abs(step)
        is_at_reference = later - at <= SHORT_RUN and abs(self.open[later] - reference) <= allowed
        score = min(float(self.ratio[at]), float(self.ratio[later]))
        is_short = later - at <= LONG_RUN and not self.scales.is_thin[at]
        if later - at == 1 or is_short:  # one of the two may have a rough scale, at a gap or in a burst
            score = float(np.sqrt(self.ratio[at] * self.ratio[later]))
        if not (is_back or is_at_reference) or not self._is_credible(at, later, score, step):
            return None
        return at, later, score, float(step), float(reference), True

    def _is_credible(self, at: int, later: int, score: float, step: float) -> bool:
        if later - at == 1:
            return score >= self.jump_threshold * (SWAP_SHARE if self._explains(at, step) else 1.0)
        is_thin = bool(self.scales.is_thin[at] or self.scales.is_thin[later])
        is_long = later - at > (LONG_THIN_RUN if is_thin else LONG_RUN)
        needed = self.run_threshold * (LONG_FACTOR if is_long else 1.0) * (THIN_RUN_FACTOR if is_thin else 1.0)
        largest = max(self.ratio[at], self.ratio[later])
        if not is_thin and min(self._score_break(at), self._score_break(later)) >= MIN_BREAK_JUMP:
            back = float(self.scales.step[later])
            if step * back < 0 and abs(step + back) <= MAX_REMAINDER * min(abs(step), abs(back)):
                return True
        if max(self.scales.gap[at], self.scales.gap[later]) > GAP_MINUTES:
            # The scale of a gap is rough: the larger jump must be clear, and the other one unusual.
            are_gaps = min(self.scales.gap[at], self.scales.gap[later]) > GAP_MINUTES
            least = MIN_BREAK_JUMP if self.is_break[later] else MIN_JUMP
            return score >= least and largest >= max(self.run_threshold if are_gaps else needed, MIN_STRONG_JUMP)
        # News does not take itself back to the tick: what is so clear is none.
        is_clear = score >= CLEAR_FACTOR * needed
        return score >= needed and (is_clear or not (self._is_news(at) or self._is_news(later)))

    def _score_break(self, at: int) -> float:
        """The jump before this bar in units of its scale, if it is across a gap of which there are others."""
        return float(self.ratio[at]) if self.is_break[at] else 0.0

    def _is_news(self, at: int) -> bool:
        """Whether many trades come with the jump before this bar: a real price that jumps makes them. The larger one
        of the medians before and after it counts, since another contract has other volumes."""
        volume, around = self.bars.volume, NEWS_BARS
        usual = max(float(np.median(volume[max(at - around, 0) : at])), float(np.median(volume[at : at + around])), 1.0)
        return bool(volume[at] >= NEWS_VOLUME * usual)

    def _match_edge(self, at: int) -> Match | None:
        """Bars at the start or the end of the data, or of a contract, are wrong: there is no way back."""
        if self.ratio[at] < EDGE_FACTOR * self.jump_threshold or self.scales.gap[at] > GAP_MINUTES:
            return None
        step, score = float(self.scales.step[at]), float(self.ratio[at])
        first, stop = self._find_contract(at)
        most = MAX_EDGE_BARS
        if is_power_of_ten(float(self.open[at]), float(self.close[at - 1])):
            most = max(most, (stop - first) // 4)
        if at - first <= most and not self.flagged[first:at].any():
            return first, at, score, -step, float(self.open[at]), True
        if stop - at <= most:
            return at, stop, score, step, float(self.close[at - 1]), True
        return None

    def _find_contract(self, at: int) -> tuple[int, int]:
        """The first and the last position (exclusive) of the bars of the same contract."""
        starts = np.flatnonzero(~self.scales.is_linked)
        number = int(np.searchsorted(starts, at, side="right"))
        stop = int(starts[number]) if number < len(starts) else len(self.bars)
        return int(starts[number - 1]), stop

    def _explains(self, bar: int, offset: float) -> bool:
        """Whether a price of this bar becomes usual when two of its digits are swapped. It shows nothing in a thin
        market, whose usual prices are too far apart."""
        if self.scales.is_thin[bar]:
            return False
        value = self.bars.high[bar] if offset > 0 else self.bars.low[bar]
        if abs(offset) < MIN_SWAP * abs(float(value)):
            return False
        reach = float(self.scales.move[bar])
        around = np.r_[max(bar - 2, 0) : bar, bar + 1 : min(bar + 3, len(self.bars))]
        around = around[~self.flagged[around]]
        if not len(around):
            return False
        return is_swapped(int(value), float(self.low[around].min()) - reach, float(self.high[around].max()) + reach)

    # Extremes within a bar.

    def find_extremes(self) -> None:
        """A high or a low that nothing around it comes near."""
        top, bottom = np.maximum(self.open, self.close), np.minimum(self.open, self.close)
        above = self.high - np.maximum(top, _second_smallest(self.high))
        below = np.minimum(bottom, -_second_smallest(-self.low)) - self.low
        factor = np.maximum(self.bars.volume / self.scales.volume, 1.0) ** VOLUME_POWER
        factor *= np.where(self.scales.is_thin, THIN_FACTOR, 1.0)
        rough = np.maximum(above, below) / (self.scales.move * factor)
        limit = max(self.threshold, self._find_tail(rough))
        suspicious = self.flagged | (rough >= limit * SWAP_SHARE)
        sides = self._find_open_sides()
        # The rough comparison is with the bar's own open and close: beside a gap they may be wrong themselves.
        alone = sides.all(axis=0)
        sides |= self.scales.is_thin
        is_wide = (self.high - self.low >= limit * self.scales.move) & sides.any(axis=0)
        for at in np.flatnonzero(suspicious & ~self.flagged | is_wide | alone).tolist():
            if not self.flagged[at]:
                self._judge_extreme(at, suspicious, limit, bool(sides[0, at]), bool(sides[1, at]))

    def _find_open_sides(self) -> np.ndarray:
        """Whether there is an end or a gap before each bar, and after it: shape (2, bars)."""
        is_open = ~self.scales.is_linked | (self.scales.gap > GAP_MINUTES * self.scales.usual_gap)
        return np.stack([is_open, np.append(is_open[1:], True)])

    def _judge_extreme(self, at: int, suspicious: np.ndarray, limit: float, is_first: bool, is_last: bool) -> None:
        before, after = self._find_neighbours(at, suspicious)
        around = np.array(before + after, np.int64)
        if len(around) < 2:
            return
        usual = max(float(self.scales.move[at]), float(np.median(self.high[around] - self.low[around])))
        volume = max(float(self.scales.volume[at]), float(np.median(self.bars.volume[around])))
        usual *= max(self.bars.volume[at] / volume, 1.0) ** VOLUME_POWER
        usual *= THIN_FACTOR if self.scales.is_thin[at] else 1.0
        nearest = around[self._is_close(around, at, 2)]
        witnesses = [[self.open[at], self.close[at]]] if before and after else []
        factors = [1.0] if before and after else []
        if is_first or is_last:  # beside a gap or an end the open or the close may be a part of the excursion
            witnesses.append([self.close[at]] * (not is_last) + [self.open[at]] * (not is_first))
            factors.append(GAP_EXTREME_FACTOR if before and after else EDGE_FACTOR)
        for inner, factor in zip(witnesses, factors, strict=True):
            above = self.high[at] - max(*inner, *self.high[nearest])
            below = min(*inner, *self.low[nearest]) - self.low[at]
            offset = float(above if above >= below else -below)
            is_swap = self._explains(at, offset)
            if abs(offset) >= limit * usual * factor * (SWAP_SHARE if is_swap and factor == 1.0 else 1.0):
                reference = float(np.median(self.close[around]))
                self.add(at, at + 1, abs(offset) / usual, offset, reference, is_swap=is_swap)
                return

    def _is_close(self, around: np.ndarray, at: int, count: int) -> np.ndarray:
        """Which of the neighbours are the nearest `count` ones on their side."""
        before, after = np.flatnonzero(around < at), np.flatnonzero(around > at)
        chosen = np.zeros(len(around), bool)
        chosen[before[-count:]] = True
        chosen[after[:count]] = True
        return chosen

    def _find_neighbours(self, at: int, suspicious: np.ndarray) -> tuple[list[int], list[int]]:
        """Up to three bars before and after that are of the same contract and not suspicious, in time order."""
        return list(self._walk(at, -1, suspicious))[::-1], list(self._walk(at, 1, suspicious))

    def _walk(self, at: int, direction: int, suspicious: np.ndarray) -> Iterator[int]:
        found, position = 0, at
        for _ in range(20):
            link = position if direction < 0 else position + 1
            position += direction
            if not 0 <= position < len(self.bars) or not self.scales.is_linked[link]:
                return
            if not suspicious[position]:
                yield position
                found += 1
                if found == 3:
                    return


def _second_smallest(values: np.ndarray) -> np.ndarray:
    """The second smallest one of the two values before and the two after each value."""
    padded = np.pad(values, 2, mode="edge")
    around = np.stack([padded[:-4], padded[1:-3], padded[3:-1], padded[4:]])
    result: np.ndarray = np.partition(around, 1, axis=0)[1]
    return result
