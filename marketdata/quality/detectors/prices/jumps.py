"""Jumps between bars, and which of them cancel out: what is between them is away from the market."""

from __future__ import annotations

import numpy as np

from marketdata.quality.detectors.model import Bars
from marketdata.quality.detectors.prices.breaks import find_break_runs
from marketdata.quality.detectors.prices.collect import Collector
from marketdata.quality.detectors.prices.model import (
    EDGE_FACTOR,
    GAP_MINUTES,
    LONG_THIN_RUN,
    MAX_REMAINDER,
    MAX_RUN,
    SWAP_SHARE,
    THIN_FACTOR,
    THIN_RUN_FACTOR,
    Jump,
    Match,
    is_power_of_ten,
    round_to,
)
from marketdata.quality.detectors.prices.rolling import WINDOW
from marketdata.quality.detectors.prices.scales import Scales, find_gaps

# Steps from which on a jump is looked at. Steps of real markets stay below 1 (the scale is the largest usual one).
MIN_JUMP = 2.0
# Of two jumps that cancel out across gaps, one must be at least this large: weekends open with gaps, too.
MIN_STRONG_JUMP = 3.5
# Whole sessions of another contract begin and end with a gap. Of two gaps that follow one another, both are rarely so
# large, and more rarely take each other back.
MIN_BREAK_JUMP = 1.5
NEWS_VOLUME, NEWS_BARS = 6.0, 30  # times the median volume around: the first minute after news has more
CLEAR_FACTOR = 3.0
LONG_RUN, LONG_FACTOR = 500, 1.5  # the longer a run, the more jumps could cancel by chance
SHORT_RUN = 5  # bars, among which prices may be wrong in different ways
MAX_CANDIDATES = 12  # later jumps that are compared with one
MAX_EDGE_BARS = 3  # a longer run that nothing ends is a jump, unless its prices are wrong by a power of ten
RUN_TAIL_SHARE = 0.99


class JumpFinder(Collector):
    """Finds jumps that cancel out, and those that nothing cancels."""

    def __init__(self, bars: Bars, scales: Scales, threshold: float, tick: int) -> None:
        super().__init__(bars, scales, threshold)
        self.tick = tick
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
        # The scale of steps across a gap is that of other gaps: so are the trades after it, whatever came before.
        for where in find_gaps(self.scales.gap, self.scales.is_linked):
            volume = self.bars.volume[where]
            burst[where] = np.sqrt(np.maximum(volume / max(float(np.median(volume)), 1.0), 1.0))
        # In a thin market a few contracts more are no burst.
        return np.where(self.scales.is_thin, 1.0, burst)

    def _score_reversals(self) -> np.ndarray:
        """For each bar the mean of the jumps into and out of it, if they cancel out."""
        into, ratio = self.scales.step, np.abs(self.ratio)
        out = np.append(into[1:], 0.0)
        does_cancel = (into * out < 0) & (np.abs(into + out) <= MAX_REMAINDER * np.abs(into))
        scores: np.ndarray = np.where(does_cancel, np.sqrt(ratio * np.append(ratio[1:], 0.0)), 0.0)
        return scores

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

    def find_runs(self) -> None:
        """Jumps that a later one cancels: short runs first, then those that only both of their ends show, then long
        ones. At last those that nothing cancels."""
        self._find_runs(LONG_RUN)
        self._find_breaks()
        self._find_runs(len(self.bars))
        for at in self.large[~self.explained[self.large]].tolist():
            if self.explained[at] or self.flagged[at - 1 : at + 1].any():
                continue
            if found := self._match_edge(at):
                self._add_match(at, found)
            elif self.ratio[at] >= self.jump_threshold:
                self.jumps.append(Jump(at, float(self.ratio[at]), float(self.scales.step[at])))

    def _find_runs(self, most: int) -> None:
        self.large = self.large[~self.explained[self.large]]
        for number, at in enumerate(self.large.tolist()):
            if not self.explained[at] and (found := self._match_run(number, at, most)):
                self._add_match(at, found)

    def _find_breaks(self) -> None:
        """Sessions of another contract, and parts of them."""
        # A bar of another excursion makes the steps before and after it wrong.
        explained = self.explained | self.flagged
        explained[1:] |= self.flagged[:-1]
        for run in find_break_runs(self.bars, self.scales, self.burst, explained, self.tick):
            score, reference = float(self.ratio[run.first]), float(self.close[run.first - 1])
            self.add(run.first, run.stop, score, round_to(run.offset, self.tick), reference, is_level=True)
            self.explained[run.first : run.stop + 1] = True

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
