// What the heat map shows of a day: a level, which becomes a colour, and a text.

import { formatCount } from "../shared/format.js";
import { formatVerdict } from "./gap_texts.js";

const UTC_DAY = 1440; // minutes

const formatBars = (count) => (count === 1 ? "1 bar" : `${formatCount(count)} bars`);

/** The text that explains to what the bars of a day are compared. `hasSessions`: whether the exchange has extended
 * hours, so that it states which hours are shown. */
export function describeMeasure({ calendar, usual_bars: usual, session }, hasSessions = false) {
  if (calendar) {
    const hours = hasSessions ? ` (${session === "regular" ? "regular hours" : "all hours"})` : "";
    return `Open minutes with a bar, by trading day of ${calendar}${hours}:`;
  }
  if (usual === null) return "Bars by UTC day, of 1,440 minutes:";
  return `Bars by UTC day, of ${formatCount(usual)} on a usual day (median of the upper half):`;
}

/** On a Saturday, Monday's trading day is listed although it has not opened yet. */
export function hasBegun(day) {
  return day.bars > 0 || day.expected_by_now > 0 || day.outside_data;
}

/** The class of a day's button: the share of its minutes that have a bar, or that none is expected. */
export function findLevel(day, { calendar, usual_bars: usual }) {
  if (day.outside_data) return "heat-outside";
  const [count, full] = calendar ? [day.open_bars, day.expected_by_now] : [day.bars, countFull(day, usual)];
  if (!full) return "heat-closed";
  const share = count / full;
  if (share === 0) return "heat-0";
  return share < 0.5 ? "heat-1" : share < 0.8 ? "heat-2" : share < 0.98 ? "heat-3" : "heat-4";
}

/** Whether minutes of the day are missing, degraded or not yet available: not only without a trade. Without a calendar
 * it is not known when any were expected. */
export function needsAttention(day, { calendar }) {
  return Boolean(calendar) && ["missing", "degraded", "not_yet_available"].includes(day.verdict);
}

/** What the bars of a day are compared with where there is no calendar. The life may begin or end within the day. */
function countFull(day, usual) {
  return Math.min(usual ?? UTC_DAY, day.expected);
}

export function describeDay(day, { calendar, usual_bars: usual }) {
  if (day.outside_data) return "outside the data";
  const bars = calendar ? describeByCalendar(day) : describeByBars(day, usual);
  const verdict = needsAttention(day, { calendar }) ? `, ${formatVerdict(day.verdict)}` : "";
  return `${bars}${verdict}${day.provisional ? ", provisional" : ""}`;
}

function describeByCalendar(day) {
  return [
    day.expected_by_now
      ? `${formatCount(day.open_bars)} of ${formatCount(day.expected_by_now)} minutes${day.forming ? " so far" : ""}`
      : "",
    day.extended_bars ? `${formatBars(day.extended_bars)} in extended hours` : "",
    day.outside_session ? `${formatBars(day.outside_session)} while closed` : "",
  ]
    .filter(Boolean)
    .join(", ");
}

function describeByBars(day, usual) {
  if (!day.bars) return "no bars";
  const full = countFull(day, usual);
  const share =
    usual && full === usual
      ? `, ${Math.floor((day.bars / usual) * 100)}% of a usual day`
      : ` of ${formatCount(full)} minutes`;
  return `${formatBars(day.bars)}${share}${day.forming ? ", not over yet" : ""}`;
}
