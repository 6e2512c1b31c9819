// The values of one bar, above the chart, and spoken for keyboard users.

const FIELDS = [
  ["open", "O"],
  ["high", "H"],
  ["low", "L"],
  ["close", "C"],
];
const MAX_BEFORE = 3; // lines of earlier values: more would cover the chart

const formatCount = (value) => value.toLocaleString("en-US");

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
    const rise = bar.close >= bar.open ? "up" : "down";
    this.values.replaceChildren(
      createItem(`when ${this.bars.bySession ? "dated" : ""}`, "", this.formatTime(bar)),
      ...FIELDS.map(([name, letter]) =>
        createItem(`${name} ${name === "close" ? rise : ""}`, letter, this.formatPrice(bar.text[name]), name),
      ),
      this.createChange(bar),
      createItem("volume", "Vol", formatCount(bar.volume), "volume"),
      ...createMinutes(bar),
      ...(inside ? [createItem("inside", "", inside)] : []),
      ...this.createEarlier(before, bar),
    );
  }

  /** The trading date of a day or week, otherwise the time. */
  formatTime(bar) {
    return this.bars.bySession ? this.clock.day(bar.time) : this.clock.long(bar.time);
  }

  speak(bar) {
    const { before, inside } = this.revisions.describe(bar);
    const prices = FIELDS.map(([name]) => `${name} ${bar.text[name]}`).join(", ");
    const corrected = before.length ? ", corrected" : inside ? `, ${inside}` : "";
    this.spoken.textContent = `${this.formatTime(bar)}: ${prices}, volume ${bar.volume}${corrected}`;
  }

  formatPrice(text) {
    return padDecimals(text, this.bars.decimals);
  }

  /** The change from the previous close; for the first loaded bar, from its own open. */
  createChange(bar) {
    const last = this.bars.list[this.bars.byTime.get(bar.time) - 1];
    const base = last ? last.close : bar.open;
    const change = bar.close - base;
    const sign = change < 0 ? "−" : "+";
    const share = base > 0 ? ` (${sign}${Math.abs((change / base) * 100).toFixed(2)}%)` : ""; // prices of spreads can be negative
    const text = `${sign}${Math.abs(change).toFixed(this.bars.decimals)}${share}`;
    return createItem(
      `change ${change < 0 ? "down" : "up"}`,
      "",
      last ? text : `${text} from open`,
      last ? "from the previous close" : "",
    );
  }

  /** The earlier values of a corrected bar, oldest first. Values that the next correction changed are highlighted. */
  createEarlier(before, bar) {
    const states = [...before, { ...bar.text, volume: bar.volume }];
    const lines = before.map((old, index) => this.createLine(old, states[index + 1]));
    const hidden = lines.length - MAX_BEFORE;
    return hidden > 0
      ? [createItem("before", "", `${hidden} earlier correction${hidden === 1 ? "" : "s"}`), ...lines.slice(hidden)]
      : lines;
  }

  createLine(old, after) {
    const line = createItem(
      "before",
      old.operation === "delete" ? `Until run ${old.replaced_by} removed it` : `Until run ${old.replaced_by}`,
      "",
    );
    const fields = FIELDS.map(([name, letter]) => [name, letter, this.formatPrice(old[name])]);
    for (const [name, letter, value] of [...fields, ["volume", "Vol", formatCount(old.volume)]]) {
      const changed = String(old[name]) !== String(after[name]);
      const kind = old.operation === "delete" ? "field" : changed ? "field changed" : "field same";
      line.append(createItem(kind, letter, value), " ");
    }
    line.append(`(run ${old.brought_by})`);
    return line;
  }
}

/** The minutes of a candle that have a bar, and whether it is forming. Some exchanges trade outside regular hours. */
function createMinutes(bar) {
  if (bar.count === undefined) return [];
  const [count, expected] = [formatCount(bar.count), formatCount(bar.expected)];
  let text = `${count} of ${expected} min`;
  if (bar.expected === 0) text = `${count} min, outside regular hours`;
  else if (bar.count > bar.expected) text = `${count} min (${expected} regular)`;
  const minutes = createItem("minutes", "", text, "minutes with a bar, of the minutes in which the exchange was open");
  return bar.forming ? [minutes, createItem("forming", "", "still forming")] : [minutes];
}

/** The exact decimal, padded with zeros so that the prices of one series align. */
export function padDecimals(text, digits) {
  const [integer, fraction = ""] = text.split(".");
  return digits ? `${integer}.${fraction.padEnd(digits, "0")}` : text;
}

function createItem(kind, letter, value, title = "") {
  const span = document.createElement("span");
  span.className = kind.trim();
  if (title) span.title = title;
  if (letter) {
    const label = document.createElement("b");
    label.textContent = letter;
    span.append(label);
  }
  span.append(value);
  return span;
}
