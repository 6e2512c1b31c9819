// The values of one bar, above the chart and, for the keyboard, spoken.

const FIELDS = [["open", "O"], ["high", "H"], ["low", "L"], ["close", "C"]];

export class Legend {
  constructor(element, spoken, { clock, bars, revisions }) {
    this.element = element;
    this.spoken = spoken;
    this.clock = clock;
    this.bars = bars;
    this.revisions = revisions;
  }

  show(bar) {
    this.bar = bar;
    if (!bar) return this.element.replaceChildren();
    const digits = this.bars.decimals;
    const direction = bar.close >= bar.open ? "up" : "down";
    this.element.replaceChildren(
      item("when", "", this.when(bar)),
      ...FIELDS.map(([name, letter]) => item(`${name} ${name === "close" ? direction : ""}`, letter, padded(bar.text[name], digits), name)),
      item(`change ${direction}`, "", signed(bar, digits)),
      item("volume", "Vol", bar.volume.toLocaleString("en-US"), "volume"),
      ...held(bar),
      ...this.revisions.at(bar.time).map(before),
    );
  }

  /** The trading date of a day or a week, else the time. */
  when(bar) {
    return this.bars.bySession ? this.clock.day(bar.time) : this.clock.long(bar.time);
  }

  speak(bar) {
    const prices = FIELDS.map(([name]) => `${name} ${bar.text[name]}`).join(", ");
    this.spoken.textContent = `${this.when(bar)}: ${prices}, volume ${bar.volume}`;
  }
}

/** What a corrected bar was until a run replaced it. */
function before(old) {
  const values = FIELDS.map(([name, letter]) => `${letter} ${old[name]}`).join(" ");
  return item("before", `Until run ${old.replaced_by}`, `${values} Vol ${old.volume.toLocaleString("en-US")} (run ${old.brought_by})`, "the values before it was corrected");
}

/** How many of its minutes a candle has, and whether it is over. */
function held(bar) {
  if (bar.count === undefined) return [];
  const minutes = item("minutes", "Min", `${bar.count.toLocaleString("en-US")} of ${bar.expected.toLocaleString("en-US")}`, "minutes with a bar, of those in which the exchange was open");
  return bar.forming ? [minutes, item("forming", "", "still forming")] : [minutes];
}

/** The exact decimal with zeros behind it, so that prices of one series are equally long. */
function padded(text, digits) {
  const [whole, fraction = ""] = text.split(".");
  return digits ? `${whole}.${fraction.padEnd(digits, "0")}` : text;
}

function signed(bar, digits) {
  const change = bar.close - bar.open;
  return `${change >= 0 ? "+" : "−"}${Math.abs(change).toFixed(digits)}`;
}

function item(kind, letter, value, title) {
  const span = document.createElement("span");
  span.className = kind;
  if (letter) {
    const label = document.createElement("b");
    label.textContent = letter;
    label.title = title;
    span.append(label);
  }
  span.append(value);
  return span;
}
