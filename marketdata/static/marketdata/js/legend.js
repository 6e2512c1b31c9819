// The values of one bar, above the chart and, for the keyboard, spoken.

const FIELDS = [["open", "O"], ["high", "H"], ["low", "L"], ["close", "C"]];

export class Legend {
  constructor(element, spoken, { clock, bars }) {
    this.element = element;
    this.spoken = spoken;
    this.clock = clock;
    this.bars = bars;
  }

  show(bar) {
    this.bar = bar;
    if (!bar) return this.element.replaceChildren();
    const digits = this.bars.decimals;
    const direction = bar.close >= bar.open ? "up" : "down";
    this.element.replaceChildren(
      item("when", "", this.clock.long(bar.time)),
      ...FIELDS.map(([name, letter]) => item(`${name} ${name === "close" ? direction : ""}`, letter, padded(bar.text[name], digits), name)),
      item(`change ${direction}`, "", signed(bar, digits)),
      item("volume", "Vol", bar.volume.toLocaleString("en-US"), "volume"),
    );
  }

  speak(bar) {
    const prices = FIELDS.map(([name]) => `${name} ${bar.text[name]}`).join(", ");
    this.spoken.textContent = `${this.clock.long(bar.time)}: ${prices}, volume ${bar.volume}`;
  }
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
