// Rows of a stream in the loaded bars: replaced, appended, inserted or removed by their time.

import { createCandle, isBySession } from "../bars/candles.js";
import { toSeconds } from "../shared/api.js";

/** Merge rows of the API, in the order of their arrival, into `bars`. Rows outside the loaded range are ignored, except
 * at an end of the series that is loaded. Returns the earliest stamp that changed, and whether only new bars were
 * appended or the last one changed; null if nothing changed. */
export function mergeRows(bars, rows) {
  const list = [...bars.list];
  const last = bars.last?.stamp ?? -Infinity;
  let earliest = Infinity;
  for (const row of rows) {
    const stamp = toSeconds(row.ts);
    if (!isLoaded(bars, list, stamp)) continue;
    if (mergeRow(list, stamp, row, bars.timeframe)) earliest = Math.min(earliest, stamp);
  }
  if (earliest === Infinity) return null;
  bars.replace({ ...bars, list });
  return { earliest, isAtEnd: earliest >= last };
}

function isLoaded(bars, list, stamp) {
  if (!list.length) return !bars.hasOlder && !bars.hasNewer;
  if (stamp > list.at(-1).stamp) return !bars.hasNewer;
  return stamp >= list[0].stamp || !bars.hasOlder;
}

/** True if the list has changed. */
function mergeRow(list, stamp, row, timeframe) {
  const at = findIndex(list, stamp);
  const isStored = list[at]?.stamp === stamp;
  if (row.removed) {
    if (isStored) list.splice(at, 1);
    return isStored;
  }
  const candle = createCandle(row, isBySession(timeframe));
  if (isStored && isSame(list[at], candle)) return false;
  list.splice(at, isStored ? 1 : 0, candle);
  return true;
}

const COMPARED = ["time", "count", "expected", "forming", "volume", "run", "provisional"];

function isSame(one, other) {
  const prices = ["open", "high", "low", "close"].every((name) => one.text[name] === other.text[name]);
  return prices && COMPARED.every((name) => one[name] === other[name]);
}

/** The index of the first bar with this stamp or a later one. Most rows are at the end. */
function findIndex(list, stamp) {
  if (!list.length || stamp > list.at(-1).stamp) return list.length;
  let [low, high] = [0, list.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle].stamp < stamp) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How far the index of the bar at `index` moved from the list `before` to `after`: what a visible range has to move.
 * Of a bar that was removed, that of the next one. */
export function findShift(before, after, index) {
  const anchor = before[Math.max(0, Math.min(before.length - 1, Math.round(index)))];
  if (!anchor) return 0;
  return findIndex(after, anchor.stamp) - findIndex(before, anchor.stamp);
}
