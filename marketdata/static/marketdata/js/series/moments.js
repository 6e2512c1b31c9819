// Moments and days of the shown range.

export const DAY = 86_400;

/** The trading date of a moment, which may be the next calendar date. A midnight is a date itself. */
export function findDate(moment, bars, clock) {
  return clock.date(bars.bySession && moment % DAY ? bars.list[bars.findAt(moment)].time : moment);
}

/** The middle of the visible range; at the end of the series, the selected bar, or undefined if that is the last. */
export function findMoment(visible, bars, selected) {
  const last = bars.list.length - 1;
  if (!visible || last < 0) return undefined;
  const middle = Math.max(0, Math.min(last, Math.round((visible.from + visible.to) / 2)));
  if (bars.hasNewer || visible.to < last) return bars.list[middle].stamp;
  const index = bars.byTime.get(selected?.time);
  return index >= visible.from && index < last ? selected.stamp : undefined;
}

/** Indices of the bars in [start, end). For days and weeks a midnight denotes the trading date, whose candle may have a
 * later stamp. */
export function findIndices(start, end, bars) {
  const from = (bars.bySession ? bars.byTime.get(start) : undefined) ?? bars.findAt(start);
  return [from, bars.countTo(end - 1) - 1];
}
