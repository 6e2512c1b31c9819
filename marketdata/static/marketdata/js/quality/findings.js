// The unresolved findings of the loaded bars, and the one that the address names.

import { ApiError, getJson, toIso } from "../shared/api.js";
import { readFinding } from "./spans.js";

const PAGE = 1000;
const MAX_PAGES = 3;
const FRESH = 60; // seconds: checks add findings after the bars are stored

/** Unresolved findings of a series within `range`, whose ends may be undefined; the newest of them if there are very many. */
export async function requestFindings(address, series, { start, end }) {
  const found = [];
  let cursor;
  for (let page = 0; page < MAX_PAGES && cursor !== null; page += 1) {
    const times = {
      start: start === undefined ? undefined : toIso(start),
      end: end === undefined ? undefined : toIso(end),
    };
    const body = await getJson(address, { series, state: "unresolved", ...times, limit: PAGE, cursor });
    found.push(...body.findings.map(readFinding));
    cursor = body.next_cursor;
  }
  return found;
}

export class Findings {
  /** `series`: its slug. `now`: returns the seconds of a clock. */
  constructor(address, series, bars, now = () => performance.now() / 1000) {
    Object.assign(this, { address, series, bars, now });
    this.unresolved = [];
    this.chosen = null; // stays marked, also when it is resolved
    this.known = null; // the range whose findings are loaded, and when they were
    this.onChange = null;
  }

  /** All that are marked, the chosen one among them. */
  get list() {
    const others = this.unresolved.filter(({ id }) => id !== this.chosen?.id);
    return this.chosen ? [this.chosen, ...others] : others;
  }

  /** The range of the loaded bars; without an end where the series has one: what is silent has no bars. */
  findRange() {
    const { bars } = this;
    return {
      start: bars.hasOlder ? bars.first.stamp : undefined,
      end: bars.hasNewer ? bars.end(bars.list.length - 1) : undefined,
    };
  }

  /** Load the findings of the loaded bars, if they are not known or may be old. */
  async load() {
    if (!this.bars.list.length) return;
    const range = this.findRange();
    if (this.isKnown(range)) return;
    const known = { ...range, at: this.now() };
    this.known = known; // so that the next drawing does not request the same
    try {
      const found = await requestFindings(this.address, this.series, range);
      if (this.known !== known) return; // a later request is for another range
      this.unresolved = found;
      this.onChange?.();
    } catch (error) {
      if (this.known === known) this.known = null;
      throw error;
    }
  }

  isKnown({ start, end }) {
    if (!this.known || this.now() - this.known.at > FRESH) return false;
    const { start: first = -Infinity, end: last = Infinity } = this.known;
    return (start ?? -Infinity) >= first && (end ?? Infinity) <= last;
  }

  /** Mark the finding with this number. Throws an ApiError if the series has no such finding. */
  async open(id) {
    const finding = readFinding(await getJson(`${this.address}/${id}`));
    if (finding.series !== this.series) throw new ApiError(`Finding ${id} is not one of this series.`);
    this.choose(finding);
    return finding;
  }

  /** `finding`: null for none. */
  choose(finding) {
    if (this.chosen?.id === finding?.id) return;
    this.chosen = finding;
    this.onChange?.();
  }
}
