// The values of one bar, above the chart, and spoken for keyboard users.

import { describeEarlier, describeSpoken, listValues } from "./legend_values.js";

export class Legend {
  constructor(element, spoken, { clock, bars, revisions }) {
    Object.assign(this, { spoken, clock, bars, revisions });
    this.values = element.appendChild(document.createElement("div"));
    this.values.className = "values";
  }

  show(bar) {
    this.bar = bar;
    if (!bar) return this.values.replaceChildren();
    const { before, inside } = this.revisions.describe(bar);
    const previous = this.bars.list[this.bars.byTime.get(bar.time) - 1];
    const { hidden, lines } = describeEarlier(before, bar, this.bars.decimals);
    this.values.replaceChildren(
      createItem({ kind: this.bars.bySession ? "when dated" : "when", text: this.formatTime(bar) }),
      ...listValues(bar, previous, this.bars.decimals).map(createItem),
      ...(inside ? [createItem({ kind: "inside", text: inside })] : []),
      ...(hidden ? [createItem({ kind: "before", text: hidden })] : []),
      ...lines.map(createLine),
    );
  }

  /** The trading date of a day or week, otherwise the time. */
  formatTime(bar) {
    return this.bars.bySession ? this.clock.day(bar.time) : this.clock.long(bar.time);
  }

  speak(bar) {
    this.spoken.textContent = describeSpoken(bar, this.formatTime(bar), this.revisions.describe(bar));
  }
}

function createLine({ head, items, foot }) {
  const line = createItem({ kind: "before", label: head });
  for (const item of items) line.append(createItem(item), " ");
  line.append(foot);
  return line;
}

function createItem({ kind, label = "", text = "", title = "" }) {
  const span = document.createElement("span");
  span.className = kind;
  if (title) span.title = title;
  if (label) span.append(Object.assign(document.createElement("b"), { textContent: label }));
  span.append(text);
  return span;
}
