// A gap as text: its range and its length. Bars while the market was closed as a sentence.

import { formatCount, formatLength } from "../shared/format.js";

/** 30 minutes; 30 minutes while open, 49 h 30 min in total */
export function formatMissing({ length, minutes }) {
  const total = formatLength(minutes);
  return length === minutes ? total : `${formatLength(length)} while open, ${total} in total`;
}

/** no trade, not yet available: the verdict of the API as text */
export const formatVerdict = (verdict) => verdict.replaceAll("_", " ");

/** Fri 2024-02-16 22:00 to Sun 02-18 23:00 UTC. Omits the parts of the end that equal those of the start. */
export function formatRange(from, to, clock) {
  if (clock.date(from) === clock.date(to))
    return `${clock.day(from)} ${clock.hour(from)} to ${clock.hour(to)} ${clock.offset(to).name}`;
  const sameYear = clock.date(from).slice(0, 5) === clock.date(to).slice(0, 5);
  const end = sameYear ? clock.long(to).replace(/ \d{4}-/, " ") : clock.long(to);
  return `${clock.day(from)} ${clock.hour(from)} to ${end}`;
}

/** 98 bars while the market was closed: Mon 2018-05-07 21:00 UTC, … and 95 more. Empty without such bars; `bars` are the
 * first of them. */
export function formatOutsideSession(count, bars, clock) {
  if (!count) return "";
  const left = count - bars.length;
  const times = bars.map((bar) => clock.long(bar)).join(", ");
  return `${formatCount(count)} ${count === 1 ? "bar" : "bars"} while the market was closed: ${times}${left > 0 ? ` and ${formatCount(left)} more` : ""}.`;
}
