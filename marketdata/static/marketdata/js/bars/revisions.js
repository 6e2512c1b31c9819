// The revisions of minute bars in the loaded range: their values before a run changed or removed them.

import { getJson, toIso, toSeconds } from "../shared/api.js";

const PAGE = 10_000;
const MAX_PAGES = 5; // per request: daily candles span years, in which every minute may be corrected

export class Revisions {
  constructor(barsAddress, bars) {
    this.address = barsAddress.replace(/bars$/, "revisions");
    this.bars = bars;
    this.running = Promise.resolve();
    this.reset(0);
  }

  reset(moment) {
    this.counts = new Map(); // by time of the bar: the number of its corrected minutes
    this.byTime = new Map(); // by minute: its revisions, oldest first
    this.loaded = { start: moment, end: moment }; // the range with known revisions
    this.cut = null; // the start of that range, if there were too many revisions before it
  }

  /** Discard what is loaded from `moment`, so that `load` requests it again. */
  invalidate(moment) {
    this.loaded.end = Math.max(this.loaded.start, Math.min(this.loaded.end, moment));
  }

  /** Bars that are new since `moment` have no revisions: nothing has to be requested for them. */
  addNew(moment) {
    if (moment <= this.loaded.end)
      this.loaded.end = Math.max(this.loaded.end, this.bars.end(this.bars.list.length - 1));
  }

  /** Count the corrected minutes in each loaded bar. Returns the times of bars that have some. */
  count() {
    this.counts = new Map();
    for (const minute of this.byTime.keys()) {
      const time = this.bars.list[this.bars.findContaining(minute)]?.time;
      if (time !== undefined) this.counts.set(time, (this.counts.get(time) ?? 0) + 1);
    }
    return [...this.counts.keys()];
  }

  /** `before`: earlier values of a minute bar, oldest first. `inside`: for longer candles, a text on their minutes. */
  describe(bar) {
    const minutes = this.bars.timeframe === "1m";
    return {
      before: minutes ? (this.byTime.get(bar.time) ?? []) : [],
      inside: minutes ? "" : this.describeInside(bar),
    };
  }

  describeInside(bar) {
    const count = this.counts.get(bar.time) ?? 0;
    const isIncomplete = this.cut !== null && bar.stamp < this.cut;
    if (isIncomplete && !count) return "corrected minutes not counted";
    if (!count) return "";
    return `${isIncomplete ? "at least " : ""}${count.toLocaleString("en-US")} corrected ${count === 1 ? "minute" : "minutes"} inside`;
  }

  /** Load the revisions of the loaded bars that are not known yet. True if there was something to request. */
  load() {
    const { timeframe, first } = this.bars;
    const end = this.bars.end(this.bars.list.length - 1);
    // One after the other: each continues from the range that the previous one loaded.
    const next = () => this.extend(timeframe, first.stamp, end);
    this.running = this.running.then(next, next);
    return this.running;
  }

  async extend(timeframe, start, end) {
    const isApart = start > this.loaded.end || end < this.loaded.start;
    if (isApart || (this.cut !== null && this.timeframe !== timeframe)) this.reset(end);
    this.timeframe = timeframe;
    const [later, earlier] = [end > this.loaded.end, start < this.loaded.start && this.cut === null];
    if (later) await this.request(this.loaded.end, end);
    if (earlier && this.cut === null) await this.request(start, this.loaded.start);
    return later || earlier;
  }

  /** Add the revisions of [start, end), which adjoins the loaded range; only the latest of them if there are too many. */
  async request(start, end) {
    const found = [];
    let cursor;
    for (let page = 0; page < MAX_PAGES && cursor !== null; page += 1) {
      const parameters = { start: toIso(start), end: toIso(end), order: "desc", limit: PAGE, cursor };
      const body = await getJson(this.address, parameters);
      found.push(...body.revisions);
      cursor = body.next_cursor;
    }
    // The minute in which the last page ended may have more revisions.
    const from = cursor === null ? start : toSeconds(found.at(-1).ts) + 60;
    if (from > start && end > this.loaded.end) this.reset(end); // otherwise the loaded range would have a gap
    this.add(found.reverse(), from);
    this.loaded = { start: Math.min(from, this.loaded.start), end: Math.max(end, this.loaded.end) };
    if (from > start) this.cut = from;
  }

  add(revisions, from) {
    const fresh = new Map();
    for (const revision of revisions) {
      const minute = toSeconds(revision.ts);
      if (minute < from) continue;
      if (fresh.has(minute)) fresh.get(minute).push(revision);
      else fresh.set(minute, [revision]);
    }
    for (const [minute, list] of fresh) this.byTime.set(minute, list);
  }
}
