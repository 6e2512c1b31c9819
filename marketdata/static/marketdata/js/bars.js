// The bars that the chart holds: one unbroken stretch of the series, that grows at either end as it is asked to.

import { getJson, iso, seconds } from "./api.js";

export const PAGE = 2000;
const CONTEXT = 300; // bars in front of a time that was jumped to
const DAY_AND_MORE = 1500;

const SESSIONS = ["1d", "1w"]; // timeframes whose candles are drawn at their trading date, not at a time of day

export class Bars {
  /** `address` is that of the minute bars; the other timeframes lie beside it. */
  constructor(address) {
    this.minutes = address;
    this.use("1m");
  }

  use(timeframe) {
    this.timeframe = timeframe;
    this.address = this.minutes.replace("/ohlcv-1m/", `/ohlcv-${timeframe}/`);
    this.replace([], false, false);
  }

  get bySession() {
    return SESSIONS.includes(this.timeframe);
  }

  replace(list, hasOlder, hasNewer) {
    this.list = list;
    this.hasOlder = hasOlder;
    this.hasNewer = hasNewer;
    this.index();
    this.busy = null; // a page that is still under way belongs to the stretch before
  }

  index() {
    this.byTime = new Map(this.list.map((bar, index) => [bar.time, index]));
    this.decimals = decimals(this.list);
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

  /** Index of the first bar at or after `time`; the length of the list if there is none. */
  indexFrom(time) {
    let [low, high] = [0, this.list.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.list[middle].time < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The last bars of the series. */
  async latest() {
    const page = await this.page({ order: "desc", limit: PAGE });
    this.replace(page.bars.reverse(), page.more, false);
  }

  /** The stretch from some bars before `start` on; asks for nothing if [start, end) is held already. */
  async around(start, end) {
    const held = this.list.length && this.first.time <= start && (this.last.time >= end || !this.hasNewer);
    if (held && this.last.time >= start) return;
    const [before, after] = await Promise.all([
      this.page({ order: "desc", end: iso(start), limit: CONTEXT }),
      this.page({ order: "asc", start: iso(start), limit: DAY_AND_MORE }),
    ]);
    this.replace([...before.bars.reverse(), ...after.bars], before.more, after.more);
  }

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

  async page(parameters) {
    const page = await getJson(this.address, parameters);
    return { bars: page.bars.map((bar) => candle(bar, this.bySession)), more: page.next_cursor !== null };
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
    for (const price of [text.open, text.high, text.low, text.close]) {
      const point = price.indexOf(".");
      if (point >= 0) most = Math.max(most, price.length - point - 1);
    }
  }
  return most;
}
