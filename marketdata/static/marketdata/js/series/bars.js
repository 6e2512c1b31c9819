// The bars that the chart holds: one unbroken stretch of the series, that grows at either end as it is asked to.

import { getJson, iso, seconds } from "../shared/api.js";

export const PAGE = 2000;
const CONTEXT = 300; // bars in front of a time that was jumped to
const DAY_AND_MORE = 1500;

// Seconds that a candle stands for at most: it ends before where the next one begins.
const LENGTHS = { "1m": 60, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "4h": 14_400, "1d": 86_400, "1w": 604_800 };
const SESSIONS = ["1d", "1w"]; // timeframes whose candles are drawn at their trading date, not at a time of day

export class Bars {
  /** `address` is that of the minute bars; the other timeframes lie beside it. `prices` are some that are known. */
  constructor(address, timeframe, prices) {
    this.minutes = address;
    this.decimals = Math.max(...prices.map(fraction));
    this.take({ timeframe, list: [], hasOlder: false, hasNewer: false });
  }

  /** Hold another stretch, of `latest` or `around`, in place of this one. */
  take({ timeframe, list, hasOlder, hasNewer }) {
    Object.assign(this, { timeframe, list, hasOlder, hasNewer });
    this.index();
    this.busy = null; // a page that is still under way belongs to the stretch before
  }

  index() {
    this.byTime = new Map(this.list.map((bar, index) => [bar.time, index]));
    // Never fewer than before: whole prices in one stretch must not take the decimals from the axis.
    this.decimals = Math.max(this.decimals, decimals(this.list));
  }

  get bySession() {
    return SESSIONS.includes(this.timeframe);
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

  // --- Which candle a moment belongs to. `time` is where a candle is drawn, and of a day or a week no moment in it. ---

  /** How many bars are stamped at `moment` or before. */
  countTo(moment) {
    let [low, high] = [0, this.list.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.list[middle].stamp <= moment) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Where the period of a candle ends. */
  end(index) {
    const next = this.list[index + 1]?.stamp ?? Infinity;
    return Math.min(this.list[index].stamp + LENGTHS[this.timeframe], next);
  }

  /** Whether the candle's period and [start, end) have a moment in common. */
  overlaps(index, start, end) {
    return this.list[index].stamp < end && this.end(index) > start;
  }

  /** Index of the candle that contains `moment`; undefined if none does. */
  indexWith(moment) {
    const index = this.countTo(moment) - 1;
    return index >= 0 && moment < this.end(index) ? index : undefined;
  }

  /** Index of the candle that contains `moment`, else of the next one, which has what a weekend brought before it. */
  indexAt(moment) {
    return this.indexWith(moment) ?? Math.min(this.countTo(moment), this.list.length - 1);
  }

  // --- Other stretches. The one that is held stays until it is replaced with `take`. ---

  /** The last bars of the series. */
  async latest(timeframe) {
    const page = await this.page({ order: "desc", limit: PAGE }, timeframe);
    return { timeframe, list: page.bars.reverse(), hasOlder: page.more, hasNewer: false };
  }

  /** The stretch from some bars before the candle with `start` on; null if it is held already, up to `end`. */
  async around(start, end, timeframe) {
    if (timeframe === this.timeframe && this.holds(start, end)) return null;
    // The candle with `start` is stamped before it, so it is the last of the first page.
    const [before, after] = await Promise.all([
      this.page({ order: "desc", end: iso(start), limit: CONTEXT }, timeframe),
      this.page({ order: "asc", start: iso(start), limit: DAY_AND_MORE }, timeframe),
    ]);
    return { timeframe, list: [...before.bars.reverse(), ...after.bars], hasOlder: before.more, hasNewer: after.more };
  }

  holds(start, end) {
    if (!this.list.length || this.first.stamp > start || this.last.stamp < start) return false;
    return this.last.stamp >= end || !this.hasNewer;
  }

  // --- More of the same stretch ---

  /** One page more in front. True if bars came. */
  older() {
    return this.grow(this.hasOlder, { order: "desc", end: () => iso(this.first.stamp) }, (page) => {
      this.hasOlder = page.more;
      return [...page.bars.reverse(), ...this.list];
    });
  }

  /** One page more at the end. True if bars came. */
  newer() {
    return this.grow(this.hasNewer, { order: "asc", start: () => iso(this.last.stamp + 60) }, (page) => {
      this.hasNewer = page.more;
      return [...this.list, ...page.bars];
    });
  }

  /** The last bar anew, and what has come behind it. True if there is something. */
  refresh() {
    return this.grow(!this.hasNewer, { order: "asc", start: () => iso(this.last.stamp) }, (page) => {
      this.hasNewer = page.more;
      return page.bars.length ? [...this.list.slice(0, -1), ...page.bars] : this.list;
    });
  }

  async grow(wanted, { order, start, end }, join) {
    if (!wanted || this.busy) return false;
    const mine = {};
    this.busy = mine;
    try {
      const page = await this.page({ order, start: start?.(), end: end?.(), limit: PAGE });
      if (this.busy !== mine) return false;
      this.list = join(page);
      this.index();
      return page.bars.length > 0;
    } finally {
      if (this.busy === mine) this.busy = null;
    }
  }

  async page(parameters, timeframe = this.timeframe) {
    const page = await getJson(this.minutes.replace("/ohlcv-1m/", `/ohlcv-${timeframe}/`), parameters);
    const bySession = SESSIONS.includes(timeframe);
    return { bars: page.bars.map((bar) => candle(bar, bySession)), more: page.next_cursor !== null };
  }
}

/** Numbers for drawing; `text` keeps the exact decimals for reading, `stamp` the time by which it is asked for. */
function candle(bar, bySession) {
  const stamp = seconds(bar.ts);
  return {
    stamp,
    time: bySession ? seconds(`${bar.session_date}T00:00Z`) : stamp,
    count: bar.bar_count, expected: bar.expected, session: bar.session_date, forming: bar.forming ?? false,
    open: Number(bar.open), high: Number(bar.high), low: Number(bar.low), close: Number(bar.close),
    volume: bar.volume, run: bar.run_id,
    text: { open: bar.open, high: bar.high, low: bar.low, close: bar.close },
  };
}

/** How many decimals the prices have: what the axis needs to show them exactly. */
function decimals(list) {
  let most = 0;
  for (const { text } of list) {
    for (const price of [text.open, text.high, text.low, text.close]) most = Math.max(most, fraction(price));
  }
  return most;
}

function fraction(price) {
  const point = price.indexOf(".");
  return point < 0 ? 0 : price.length - point - 1;
}
