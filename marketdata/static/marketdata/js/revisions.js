// What the minute bars on the chart were before a run changed them.

import { getJson, iso, seconds } from "./api.js";

const MOST = 10_000;

export class Revisions {
  constructor(barsAddress) {
    this.address = barsAddress.replace(/bars$/, "revisions");
    this.forget();
  }

  forget() {
    this.byTime = new Map(); // of a bar -> its revisions, the oldest first
    this.known = null; // the stretch that was asked for
  }

  /** The bar's earlier values, the oldest first. */
  at(time) {
    return this.byTime.get(time) ?? [];
  }

  /** Know what there is about the bars in [start, end). True if something came. */
  async cover(start, end) {
    if (this.known && this.known.start <= start && this.known.end >= end) return false;
    this.known = { start, end };
    const { revisions } = await getJson(this.address, { start: iso(start), end: iso(end), limit: MOST });
    this.byTime = new Map();
    for (const revision of revisions) {
      const time = seconds(revision.ts);
      this.byTime.set(time, [...this.at(time), revision]);
    }
    return true;
  }
}
