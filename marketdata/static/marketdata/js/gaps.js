// The gaps as a list of buttons, a hundred at a time.

import { seconds } from "./api.js";

const AT_A_TIME = 100;

export class Gaps {
  constructor({ box, count, order, clock, onGap }) {
    Object.assign(this, { box, count, order, clock, onGap, gaps: [] });
    order.addEventListener("change", () => this.draw());
  }

  show(coverage) {
    this.gaps = coverage.gaps.map((gap) => ({ ...gap, after: seconds(gap.after), before: seconds(gap.before) }));
    const shown = this.gaps.length < coverage.gap_count ? `, the longest ${this.gaps.length.toLocaleString("en-US")}` : "";
    this.count.textContent = `${coverage.gap_count.toLocaleString("en-US")}${shown}`;
    this.draw();
  }

  draw() {
    const compare = this.order.value === "longest" ? (a, b) => b.minutes - a.minutes : (a, b) => b.after - a.after;
    this.sorted = [...this.gaps].sort(compare);
    this.list = document.createElement("ol");
    this.box.replaceChildren(this.list);
    this.box.scrollTop = 0;
    if (!this.sorted.length) this.list.append(Object.assign(document.createElement("li"), { className: "empty", textContent: "No gap in these weeks." }));
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
    button.append(span("", fromTo(gap.after + 60, gap.before, this.clock)), span("length", lengthInWords(gap.minutes)));
    button.addEventListener("click", () => this.onGap(gap));
    item.append(button);
    return item;
  }

  moreButton(left) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "more";
    button.textContent = `Show ${Math.min(left, AT_A_TIME)} more of ${left.toLocaleString("en-US")}`;
    button.addEventListener("click", () => this.more());
    return button;
  }
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
