// A gap as text: its range and its length.

import { formatLength } from "../shared/format.js";

/** 30 minutes; 30 minutes while open, 49 h 30 min in total */
export function formatMissing({ length, minutes }) {
  const total = formatLength(minutes);
  return length === minutes ? total : `${formatLength(length)} while open, ${total} in total`;
}

/** Fri 2024-02-16 22:00 to Sun 02-18 23:00 UTC. Omits the parts of the end that equal those of the start. */
export function formatRange(from, to, clock) {
  if (clock.date(from) === clock.date(to))
    return `${clock.day(from)} ${clock.hour(from)} to ${clock.hour(to)} ${clock.offset(to).name}`;
  const sameYear = clock.date(from).slice(0, 5) === clock.date(to).slice(0, 5);
  const end = sameYear ? clock.long(to).replace(/ \d{4}-/, " ") : clock.long(to);
  return `${clock.day(from)} ${clock.hour(from)} to ${end}`;
}
