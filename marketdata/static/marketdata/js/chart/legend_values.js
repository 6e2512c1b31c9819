// The values of one bar as items of the legend: class, label, text and title.

import { padDecimals } from "../bars/decimals.js";
import { formatCount } from "../shared/format.js";

const FIELDS = [
  ["open", "O"],
  ["high", "H"],
  ["low", "L"],
  ["close", "C"],
];
const MAX_BEFORE = 3; // lines of earlier values: more would cover the chart

/** The prices, the change, the volume, and for candles of several minutes how many of them have a bar. `last`: the bar
 * before, if it is loaded. */
export function listValues(bar, last, decimals) {
  const rise = bar.close >= bar.open ? "up" : "down";
  const prices = FIELDS.map(([name, label]) => ({
    kind: name === "close" ? `${name} ${rise}` : name,
    label,
    text: padDecimals(bar.text[name], decimals),
    title: name,
  }));
  const volume = { kind: "volume", label: "Vol", text: formatCount(bar.volume), title: "volume" };
  return [...prices, describeChange(bar, last, decimals), volume, ...describeMinutes(bar), ...describeProof(bar)];
}

/** The change from the previous close; for the first loaded bar, from its own open. */
export function describeChange(bar, last, decimals) {
  const base = last ? last.close : bar.open;
  const change = bar.close - base;
  const sign = change < 0 ? "−" : "+";
  const share = base > 0 ? ` (${sign}${Math.abs((change / base) * 100).toFixed(2)}%)` : ""; // prices of spreads can be negative
  const text = `${sign}${Math.abs(change).toFixed(decimals)}${share}`;
  const kind = `change ${change < 0 ? "down" : "up"}`;
  return last ? { kind, text, title: "from the previous close" } : { kind, text: `${text} from open` };
}

/** The minutes of a candle that have a bar, and whether it is forming. Some exchanges trade outside regular hours. */
export function describeMinutes(bar) {
  if (bar.count === undefined) return [];
  const [count, expected] = [formatCount(bar.count), formatCount(bar.expected)];
  let text = `${count} of ${expected} min`;
  if (bar.expected === 0) text = `${count} min, outside regular hours`;
  else if (bar.count > bar.expected) text = `${count} min (${expected} regular)`;
  const title = "minutes with a bar, of the minutes in which the exchange was open";
  return [{ kind: "minutes", text, title }, ...(bar.forming ? [{ kind: "forming", text: "still forming" }] : [])];
}

/** A bar of the live feed, until history confirms it. */
function describeProof(bar) {
  const title = "from the live feed: history has not confirmed it yet";
  return bar.provisional ? [{ kind: "provisional", text: "provisional", title }] : [];
}

/** The earlier values of a corrected bar, oldest first: lines of items. Values that the next correction changed are
 * highlighted. `hidden`: a text on the lines that are left out, if there are some. */
export function describeEarlier(before, bar, decimals) {
  const states = [...before, { ...bar.text, volume: bar.volume }];
  const lines = before.map((old, index) => describeLine(old, states[index + 1], decimals));
  const count = lines.length - MAX_BEFORE;
  if (count <= 0) return { hidden: "", lines };
  return { hidden: `${count} earlier correction${count === 1 ? "" : "s"}`, lines: lines.slice(count) };
}

function describeLine(old, after, decimals) {
  const isRemoved = old.operation === "delete";
  const findKind = (name) => (isRemoved ? "" : String(old[name]) === String(after[name]) ? " same" : " changed");
  const prices = FIELDS.map(([name, label]) => [name, label, padDecimals(old[name], decimals)]);
  const fields = [...prices, ["volume", "Vol", formatCount(old.volume)]];
  return {
    head: `Until run ${old.replaced_by}${isRemoved ? " removed it" : ""}`,
    items: fields.map(([name, label, text]) => ({ kind: `field${findKind(name)}`, label, text })),
    foot: `(run ${old.brought_by})`,
  };
}

/** The bar as a sentence for screen readers. */
export function describeSpoken(bar, time, { before, inside }) {
  const prices = FIELDS.map(([name]) => `${name} ${bar.text[name]}`).join(", ");
  const proof = bar.provisional ? ", provisional" : "";
  const corrected = before.length ? ", corrected" : inside ? `, ${inside}` : "";
  return `${time}: ${prices}, volume ${bar.volume}${proof}${corrected}`;
}
