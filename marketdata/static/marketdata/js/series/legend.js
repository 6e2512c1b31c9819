// The values of one bar, above the chart and, for the keyboard, spoken.

const FIELDS = [["open", "O"], ["high", "H"], ["low", "L"], ["close", "C"]];
const MOST_BEFORE = 3; // lines of earlier values: they lie over the chart

const number = (value) => value.toLocaleString("en-US");

export class Legend {
  constructor(element, spoken, { clock, bars, revisions }) {
    Object.assign(this, { spoken, clock, bars, revisions });
    this.values = element.appendChild(document.createElement("div"));
    this.values.className = "values";
  }

  show(bar) {
    this.bar = bar;
    if (!bar) return this.values.replaceChildren();
    const { before, inside } = this.revisions.of(bar);
    const rise = bar.close >= bar.open ? "up" : "down";
    this.values.replaceChildren(
      item(`when ${this.bars.bySession ? "dated" : ""}`, "", this.when(bar)),
      ...FIELDS.map(([name, letter]) => item(`${name} ${name === "close" ? rise : ""}`, letter, this.price(bar.text[name]), name)),
      this.change(bar),
      item("volume", "Vol", number(bar.volume), "volume"),
      ...held(bar),
      ...(inside ? [item("inside", "", inside)] : []),
      ...this.earlier(before, bar),
    );
  }

  /** The trading date of a day or a week, else the time. */
  when(bar) {
    return this.bars.bySession ? this.clock.day(bar.time) : this.clock.long(bar.time);
  }

  speak(bar) {
    const { before, inside } = this.revisions.of(bar);
    const prices = FIELDS.map(([name]) => `${name} ${bar.text[name]}`).join(", ");
    const corrected = before.length ? ", corrected" : inside ? `, ${inside}` : "";
    this.spoken.textContent = `${this.when(bar)}: ${prices}, volume ${bar.volume}${corrected}`;
  }

  price(text) {
    return padded(text, this.bars.decimals);
  }

  /** Against the close before; of the first bar that is held, against its own open. */
  change(bar) {
    const last = this.bars.list[this.bars.byTime.get(bar.time) - 1];
    const base = last ? last.close : bar.open;
    const change = bar.close - base;
    const sign = change < 0 ? "−" : "+";
    const share = base > 0 ? ` (${sign}${Math.abs((change / base) * 100).toFixed(2)}%)` : ""; // spreads can be negative
    const text = `${sign}${Math.abs(change).toFixed(this.bars.decimals)}${share}`;
    return item(`change ${change < 0 ? "down" : "up"}`, "", last ? text : `${text} from open`, last ? "from the close before" : "");
  }

  /** What a corrected bar was until a run replaced it, the latest last; what differs from what came after stands out. */
  earlier(before, bar) {
    const states = [...before, { ...bar.text, volume: bar.volume }];
    const lines = before.map((old, index) => this.line(old, states[index + 1]));
    const hidden = lines.length - MOST_BEFORE;
    return hidden > 0 ? [item("before", "", `${hidden} corrections before these`), ...lines.slice(hidden)] : lines;
  }

  line(old, after) {
    const line = item("before", old.operation === "delete" ? `Until run ${old.replaced_by} removed it` : `Until run ${old.replaced_by}`, "");
    const fields = FIELDS.map(([name, letter]) => [name, letter, this.price(old[name])]);
    for (const [name, letter, value] of [...fields, ["volume", "Vol", number(old.volume)]]) {
      const changed = String(old[name]) !== String(after[name]);
      const kind = old.operation === "delete" ? "field" : changed ? "field changed" : "field same";
      line.append(item(kind, letter, value), " ");
    }
    line.append(`(run ${old.brought_by})`);
    return line;
  }
}

/** How many minutes of a candle have a bar, and whether it is over. Some trade outside the calendar's hours. */
function held(bar) {
  if (bar.count === undefined) return [];
  const [count, expected] = [number(bar.count), number(bar.expected)];
  let text = `${count} of ${expected} min`;
  if (bar.expected === 0) text = `${count} min, outside regular hours`;
  else if (bar.count > bar.expected) text = `${count} min (${expected} regular)`;
  const minutes = item("minutes", "", text, "minutes with a bar, and in which the exchange was open");
  return bar.forming ? [minutes, item("forming", "", "still forming")] : [minutes];
}

/** The exact decimal with zeros behind it, so that prices of one series are equally long. */
export function padded(text, digits) {
  const [whole, fraction = ""] = text.split(".");
  return digits ? `${whole}.${fraction.padEnd(digits, "0")}` : text;
}

function item(kind, letter, value, title = "") {
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
