// The list of gaps, one button per gap. With a calendar there are two lists: gaps with minutes missing while the market
// was open, and gaps in closed hours.

import { toSeconds } from "../shared/api.js";
import { formatCount } from "../shared/format.js";
import { formatMissing, formatOutsideSession, formatRange, formatVerdict } from "./gap_texts.js";

const PAGE = 100;
const MAX_SHOWN_BARS = 5; // of those while the market was closed
const EMPTY = {
  open: "No minute is missing while the market was open.",
  closed: "No gap is in closed hours only.",
  all: "No gap in these weeks.",
};

export class Gaps {
  constructor({ box, count, order, outside, clock, onGap }) {
    Object.assign(this, { box, count, order, outside, clock, onGap, counts: {}, outsideBars: [] });
    this.kinds = [...document.getElementsByName("gap-kind")];
    for (const choice of [order, ...this.kinds]) choice.addEventListener("change", () => this.gaps && this.draw());
  }

  /** "open" or "closed"; "all" without a calendar, which alone can separate them. */
  get kind() {
    return this.kinds.find((choice) => choice.checked)?.value ?? "all";
  }

  show(coverage) {
    const [open, closed] = [coverage.open_gap_count, coverage.closed_gap_count];
    this.counts = { open, closed, all: coverage.gap_count };
    this.gaps = coverage.gaps.map((gap) => ({
      ...gap,
      start: toSeconds(gap.start),
      end: toSeconds(gap.end),
      after: gap.after && toSeconds(gap.after),
      before: gap.before && toSeconds(gap.before),
      kind: gap.open_minutes === null ? "all" : gap.open_minutes ? "open" : "closed",
      length: gap.open_minutes || gap.minutes,
    }));
    this.outsideCount = coverage.outside_session_count ?? 0;
    this.outsideBars = coverage.outside_session.slice(0, MAX_SHOWN_BARS).map(toSeconds);
    for (const { value } of this.kinds)
      document.getElementById(`gap-${value}-count`).textContent = formatCount(this.counts[value]);
    this.draw();
  }

  /** Show no gaps but a message: those of another range would be wrong. */
  fail(message) {
    this.gaps = undefined;
    for (const { value } of this.kinds) document.getElementById(`gap-${value}-count`).textContent = "";
    this.count.textContent = this.outside.textContent = "";
    this.box.replaceChildren(Object.assign(document.createElement("p"), { className: "empty", textContent: message }));
  }

  /** Draw the same gaps in another time zone: as many as before, at the same place. */
  redraw() {
    if (!this.gaps) return;
    const [count, top] = [this.box.querySelectorAll("li button").length, this.box.scrollTop];
    this.draw();
    while (this.list.querySelectorAll("button").length < count) this.showMore();
    this.box.scrollTop = top;
  }

  draw() {
    const newest = (a, b) => b.start - a.start;
    const compare = this.order.value === "longest" ? (a, b) => b.length - a.length || newest(a, b) : newest;
    this.sorted = this.gaps.filter((gap) => gap.kind === this.kind).sort(compare);
    const shown =
      this.sorted.length < this.counts[this.kind] ? `, the longest ${formatCount(this.sorted.length)} listed` : "";
    this.count.textContent = `${formatCount(this.counts.all ?? 0)}${shown}`;
    this.list = document.createElement("ol");
    this.box.replaceChildren(this.list);
    this.box.scrollTop = 0;
    if (!this.sorted.length)
      this.list.append(
        Object.assign(document.createElement("li"), { className: "empty", textContent: EMPTY[this.kind] }),
      );
    this.showMore();
    this.outside.textContent = formatOutsideSession(this.outsideCount, this.outsideBars, this.clock);
  }

  showMore() {
    const shown = this.list.querySelectorAll("button").length;
    const next = this.sorted.slice(shown, shown + PAGE);
    this.list.append(...next.map((gap) => this.createItem(gap)));
    this.box.querySelector(".more")?.remove();
    const left = this.sorted.length - shown - next.length;
    if (left > 0) this.box.append(this.createMoreButton(left));
  }

  createItem(gap) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.append(
      createSpan("", formatRange(gap.start, gap.end, this.clock)),
      createSpan("length", formatMissing(gap)),
      createSpan(`verdict verdict-${gap.verdict}`, formatVerdict(gap.verdict)),
    );
    button.title = gap.evidence;
    button.addEventListener("click", () => this.onGap(gap));
    item.append(button);
    return item;
  }

  createMoreButton(left) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "more";
    button.textContent = `Show ${Math.min(left, PAGE)} more of ${formatCount(left)}`;
    button.addEventListener("click", () => this.showMore());
    return button;
  }
}

function createSpan(kind, content) {
  return Object.assign(document.createElement("span"), { className: kind, textContent: content });
}
