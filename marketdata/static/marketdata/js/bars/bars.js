// The loaded bars: one contiguous range of the series, which can be extended at both ends.

import { toIso } from "../shared/api.js";
import { isBySession, LENGTHS, loadPage } from "./candles.js";
import { countDecimals, findMaxDecimals } from "./decimals.js";

const PAGE = 2000;
const CONTEXT = 300; // bars before the requested time
const DAY_AND_MORE = 1500; // bars from the requested time

export class Bars {
  /** `address`: that of the minute bars. `prices`: some known prices, for the number of decimals. `session`: "all", or
   * "regular" for the bars in regular hours only. */
  constructor(address, timeframe, prices, session = "all") {
    this.address = address;
    this.decimals = Math.max(...prices.map(countDecimals));
    this.replace({ timeframe, session, list: [], hasOlder: false, hasNewer: false });
  }

  /** Replace the range with another one, from `loadLatest` or `loadAround`. */
  replace({ timeframe, session = "all", list, hasOlder, hasNewer }) {
    Object.assign(this, { timeframe, session, list, hasOlder, hasNewer });
    this.index();
    this.busy = null; // a pending page belongs to the replaced range
  }

  index() {
    this.byTime = new Map(this.list.map((bar, index) => [bar.time, index]));
    // Never fewer than before: integral prices in one range must not remove the decimals from the axis.
    this.decimals = Math.max(this.decimals, findMaxDecimals(this.list));
  }

  get bySession() {
    return isBySession(this.timeframe);
  }

  get isWeekly() {
    return this.timeframe === "1w";
  }

  /** The maximum length of a candle in seconds. */
  get length() {
    return LENGTHS[this.timeframe];
  }

  get first() {
    return this.list[0];
  }

  get last() {
    return this.list[this.list.length - 1];
  }

  at(time) {
    return this.list[this.byTime.get(time)];
  }

  // --- The candle of a moment. `time` is the position on the axis; that of a day or week may lie outside its period. ---

  /** The number of bars with a stamp up to and including `moment`. */
  countTo(moment) {
    let [low, high] = [0, this.list.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.list[middle].stamp <= moment) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The end of the candle's period. */
  end(index) {
    const next = this.list[index + 1]?.stamp ?? Infinity;
    return Math.min(this.list[index].stamp + this.length, next);
  }

  /** Whether the candle's period overlaps [start, end). */
  overlaps(index, start, end) {
    return this.list[index].stamp < end && this.end(index) > start;
  }

  /** Index of the candle that contains `moment`; undefined if there is none. */
  findContaining(moment) {
    const index = this.countTo(moment) - 1;
    return index >= 0 && moment < this.end(index) ? index : undefined;
  }

  /** Index of the candle that contains `moment`, otherwise of the next one: Sunday's bars are in Monday's candle. */
  findAt(moment) {
    return this.findContaining(moment) ?? Math.min(this.countTo(moment), this.list.length - 1);
  }

  // --- Loading another range. The current one stays until `replace` is called. ---

  /** The last bars of the series. */
  async loadLatest(timeframe, session = this.session) {
    const page = await loadPage(this.address, timeframe, session, { order: "desc", limit: PAGE });
    return { timeframe, session, list: page.bars.reverse(), hasOlder: page.more, hasNewer: false };
  }

  /** The range from some bars before the candle that contains `start`; null if it is loaded up to `end`. */
  async loadAround(start, end, timeframe, session = this.session) {
    if (timeframe === this.timeframe && session === this.session && this.isLoaded(start, end)) return null;
    // The stamp of the candle that contains `start` is before it, so this candle is the last of the first page.
    const [before, after] = await Promise.all([
      loadPage(this.address, timeframe, session, { order: "desc", end: toIso(start), limit: CONTEXT }),
      loadPage(this.address, timeframe, session, { order: "asc", start: toIso(start), limit: DAY_AND_MORE }),
    ]);
    const list = [...before.bars.reverse(), ...after.bars];
    return { timeframe, session, list, hasOlder: before.more, hasNewer: after.more };
  }

  isLoaded(start, end) {
    if (!this.list.length || this.first.stamp > start || this.last.stamp < start) return false;
    return this.last.stamp >= end || !this.hasNewer;
  }

  // --- Extending the range ---

  /** Load one more page before the range. True if it has bars. */
  loadOlder() {
    return this.extend(this.hasOlder, { order: "desc", end: () => toIso(this.first.stamp) }, (page) => {
      this.hasOlder = page.more;
      return [...page.bars.reverse(), ...this.list];
    });
  }

  /** Load one more page after the range. True if it has bars. */
  loadNewer() {
    return this.extend(this.hasNewer, { order: "asc", start: () => toIso(this.last.stamp + 60) }, (page) => {
      this.hasNewer = page.more;
      return [...this.list, ...page.bars];
    });
  }

  /** Load the last bar again, and the bars after it. True if there are any. */
  refresh() {
    return this.extend(!this.hasNewer, { order: "asc", start: () => toIso(this.last.stamp) }, (page) => {
      this.hasNewer = page.more;
      return page.bars.length ? [...this.list.slice(0, -1), ...page.bars] : this.list;
    });
  }

  async extend(isPossible, { order, start, end }, join) {
    if (!isPossible || this.busy) return false;
    const request = {};
    this.busy = request;
    try {
      const parameters = { order, start: start?.(), end: end?.(), limit: PAGE };
      const page = await loadPage(this.address, this.timeframe, this.session, parameters);
      if (this.busy !== request) return false;
      this.list = join(page);
      this.index();
      return page.bars.length > 0;
    } finally {
      if (this.busy === request) this.busy = null;
    }
  }
}
