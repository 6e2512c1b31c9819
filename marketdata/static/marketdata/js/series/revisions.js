// What minute bars were before a run changed or removed them, for the stretch that the chart holds.

import { getJson, iso, seconds } from "../shared/api.js";

const PAGE = 10_000;
const PAGES = 5; // at a time: weeks and days span years, in which every minute may have been corrected

export class Revisions {
  constructor(barsAddress, bars) {
    this.address = barsAddress.replace(/bars$/, "revisions");
    this.bars = bars;
    this.running = Promise.resolve();
    this.forget(0);
  }

  forget(moment) {
    this.counts = new Map(); // where a bar is drawn -> how many of its minutes were corrected
    this.byTime = new Map(); // of a minute -> its revisions, the oldest first
    this.known = { start: moment, end: moment }; // the stretch of time that was asked for
    this.cut = null; // where that begins, if there were too many before it
  }

  /** What there is from `moment` on is to be asked for again. */
  doubt(moment) {
    this.known.end = Math.max(this.known.start, Math.min(this.known.end, moment));
  }

  /** Count the corrected minutes in each of the bars that are held now. Where those bars are drawn. */
  count() {
    this.counts = new Map();
    for (const minute of this.byTime.keys()) {
      const time = this.bars.list[this.bars.indexWith(minute)]?.time;
      if (time !== undefined) this.counts.set(time, (this.counts.get(time) ?? 0) + 1);
    }
    return [...this.counts.keys()];
  }

  /** What can be told of a bar: the values `before`, the oldest first, or in words what a longer candle has `inside`. */
  of(bar) {
    const minutes = this.bars.timeframe === "1m";
    return { before: minutes ? (this.byTime.get(bar.time) ?? []) : [], inside: minutes ? "" : this.words(bar) };
  }

  words(bar) {
    const count = this.counts.get(bar.time) ?? 0;
    const open = this.cut !== null && bar.stamp < this.cut;
    if (open && !count) return "corrected minutes not counted";
    if (!count) return "";
    return `${open ? "at least " : ""}${count.toLocaleString("en-US")} corrected ${count === 1 ? "minute" : "minutes"} inside`;
  }

  /** Know what there is about the bars; only what is not known yet is asked for. True if something was. */
  cover() {
    const { timeframe, first } = this.bars;
    const end = this.bars.end(this.bars.list.length - 1);
    // One after the other: each begins where the one before it came to.
    this.running = this.running.catch(() => {}).then(() => this.extend(timeframe, first.stamp, end));
    return this.running;
  }

  async extend(timeframe, start, end) {
    const apart = start > this.known.end || end < this.known.start;
    if (apart || (this.cut !== null && this.timeframe !== timeframe)) this.forget(end);
    this.timeframe = timeframe;
    const [later, earlier] = [end > this.known.end, start < this.known.start && this.cut === null];
    if (later) await this.ask(this.known.end, end);
    if (earlier && this.cut === null) await this.ask(start, this.known.start);
    return later || earlier;
  }

  /** Add what is in [start, end), which lies before or behind the known stretch; the latest of it, if it is too much. */
  async ask(start, end) {
    const found = [];
    let cursor;
    for (let page = 0; page < PAGES && cursor !== null; page += 1) {
      const parameters = { start: iso(start), end: iso(end), order: "desc", limit: PAGE, cursor };
      const answer = await getJson(this.address, parameters);
      found.push(...answer.revisions);
      cursor = answer.next_cursor;
    }
    // The minute at which it was cut off may have more.
    const from = cursor === null ? start : seconds(found.at(-1).ts) + 60;
    if (from > start && end > this.known.end) this.forget(end); // or a hole would be left
    this.add(found.reverse(), from);
    this.known = { start: Math.min(from, this.known.start), end: Math.max(end, this.known.end) };
    if (from > start) this.cut = from;
  }

  add(revisions, from) {
    const fresh = new Map();
    for (const revision of revisions) {
      const minute = seconds(revision.ts);
      if (minute < from) continue;
      if (fresh.has(minute)) fresh.get(minute).push(revision);
      else fresh.set(minute, [revision]);
    }
    for (const [minute, several] of fresh) this.byTime.set(minute, several);
  }
}
