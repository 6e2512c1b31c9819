// Dates and weeks of the heat map. A date is represented by its UTC midnight in seconds, regardless of when the exchange's
// day begins.

import { toSeconds } from "../shared/api.js";

export const DAY = 86_400;
export const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const WINDOW = 52 * 7 * DAY;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sept", "Oct", "Nov", "Dec"];

export const getWeekday = (date) => (Math.floor(date / DAY) + 3) % 7; // 0: Monday
export const formatMonth = (date) => MONTHS[new Date(date * 1000).getUTCMonth()];
export const toMidnight = (isoDate) => toSeconds(`${isoDate}T00:00:00Z`);

/** Up to 52 weeks that end with the week of the date `last`, and start no earlier than the week of `first`. */
export function findWindow(last, first) {
  const end = last + (7 - getWeekday(last)) * DAY;
  return { start: Math.max(end - WINDOW, first - getWeekday(first) * DAY), end };
}

/** The window one year earlier (-1) or later (1). */
export function shiftWindow({ end }, years, first) {
  return findWindow(end - DAY + years * WINDOW, first);
}

/** Wed 18 Nov 2026 */
export function formatDate(date) {
  const day = new Date(date * 1000);
  return `${WEEKDAYS[getWeekday(date)]} ${day.getUTCDate()} ${formatMonth(date)} ${day.getUTCFullYear()}`;
}

/** The date that a key moves to: up and down by a day, left and right by a week. Dates that are not in the ordered list
 * `dates` are skipped. Undefined for other keys. */
export function findNeighbour(dates, from, key) {
  const sameWeekday = (date) => getWeekday(date) === getWeekday(from);
  const found = {
    ArrowUp: () => dates.findLast((date) => date < from),
    ArrowDown: () => dates.find((date) => date > from),
    ArrowLeft: () => dates.findLast((date) => date < from && sameWeekday(date)),
    ArrowRight: () => dates.find((date) => date > from && sameWeekday(date)),
    Home: () => dates[0],
    End: () => dates.at(-1),
  }[key];
  return found && (found() ?? from);
}
