// The gaps as a list of buttons, a hundred at a time. With a calendar, those with minutes missing while the market was
// open and those while it was closed are two lists.

import { seconds } from "../shared/api.js";

const AT_A_TIME = 100;
const NONE = {
  open: "No minute is missing while the market was open.",
  closed: "No gap lies in closed hours alone.",
  all: "No gap in these weeks.",
};

const number = (count) => count.toLocaleString("en-US");

export class Gaps {
  constructor({ box, count, order, clock, onGap }) {
    Object.assign(this, { box, count, order, clock, onGap, gaps: [], counts: {} });
    this.kinds = [...document.getElementsByName("gap-kind")];
    for (const choice of [order, ...this.kinds]) choice.addEventListener("change", () => this.draw());
  }

  /** "open" or "closed"; "all" where no calendar tells them apart. */
  get kind() {
    return this.kinds.find((choice) => choice.checked)?.value ?? "all";
  }

  show(coverage) {
    const [open, closed] = [coverage.open_gap_count, coverage.closed_gap_count];
    this.counts = { open, closed, all: coverage.gap_count };
    this.gaps = coverage.gaps.map((gap) => ({
      ...gap,
      after: seconds(gap.after),
      before: seconds(gap.before),
      kind: gap.open_minutes === null ? "all" : gap.open_minutes ? "open" : "closed",
      length: gap.open_minutes || gap.minutes,
    }));
    for (const { value } of this.kinds) document.getElementById(`gap-${value}-count`).textContent = number(this.counts[value]);
    this.draw();
  }

  draw() {
    const newest = (a, b) => b.after - a.after;
    const compare = this.order.value === "longest" ? (a, b) => b.length - a.length || newest(a, b) : newest;
    this.sorted = this.gaps.filter((gap) => gap.kind === this.kind).sort(compare);
    const shown = this.sorted.length < this.counts[this.kind] ? `, the longest ${number(this.sorted.length)} listed` : "";
    this.count.textContent = `${number(this.counts.all ?? 0)}${shown}`;
    this.list = document.createElement("ol");
    this.box.replaceChildren(this.list);
    this.box.scrollTop = 0;
    if (!this.sorted.length) this.list.append(Object.assign(document.createElement("li"), { className: "empty", textContent: NONE[this.kind] }));
    this.more();
  }

  more() {
    const shown = this.list.querySelectorAll("button").length;
    const next = this.sorted.slice(shown, shown + AT_A_TIME);
    this.list.append(...next.map((gap) => this.line(gap)));
    this.box.querySelector(".more")?.remove();
    const left = this.sorted.length - shown - next.length;
    if (left > 0) this.box.append(this.moreButton(left));
  }

  line(gap) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.append(span("", fromTo(gap.after + 60, gap.before, this.clock)), span("length", missing(gap)));
    button.addEventListener("click", () => this.onGap(gap));
    item.append(button);
    return item;
  }

  moreButton(left) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "more";
    button.textContent = `Show ${Math.min(left, AT_A_TIME)} more of ${number(left)}`;
    button.addEventListener("click", () => this.more());
    return button;
  }
}

/** 30 minutes; 30 minutes while open, 49 h 30 min in all */
function missing({ length, minutes }) {
  const all = lengthInWords(minutes);
  return length === minutes ? all : `${lengthInWords(length)} while open, ${all} in all`;
}

/** Fri 2024-02-16 22:00 to Sun 02-18 23:00 UTC; of the second day only what differs. */
function fromTo(from, to, clock) {
  if (clock.date(from) === clock.date(to)) return `${clock.day(from)} ${clock.hour(from)} to ${clock.hour(to)} ${clock.offset(to).name}`;
  const sameYear = clock.date(from).slice(0, 5) === clock.date(to).slice(0, 5);
  const end = sameYear ? clock.long(to).replace(/ \d{4}-/, " ") : clock.long(to);
  return `${clock.day(from)} ${clock.hour(from)} to ${end}`;
}

function span(kind, content) {
  return Object.assign(document.createElement("span"), { className: kind, textContent: content });
}

/** 49 h 5 min */
export function lengthInWords(minutes) {
  if (minutes < 60) return minutes === 1 ? "1 minute" : `${minutes} minutes`;
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)} h${rest ? ` ${rest} min` : ""}`;
}
