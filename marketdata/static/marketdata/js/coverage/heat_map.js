// The heat map: a row per weekday, a column per week, a button per trading day (UTC day without a calendar). Closed days
// are blank. Arrow keys move from day to day.

import { getJson, toIso, toSeconds } from "../shared/api.js";

const DAY = 86_400;
const WINDOW = 52 * 7 * DAY;
const MAX_BREAK = 4 * DAY; // a weekend and a holiday; otherwise a gap across the first midnight would be missing
const UTC_DAY = 1440; // minutes
const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTH = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", month: "short" });

const getWeekday = (date) => (Math.floor(date / DAY) + 3) % 7; // 0: Monday
const formatIsoDate = (date) => toIso(date).slice(0, 10);
const formatCount = (count) => count.toLocaleString("en-US");
const formatBars = (count) => (count === 1 ? "1 bar" : `${formatCount(count)} bars`);

// A date is represented by its UTC midnight in seconds, regardless of when the exchange's day begins.
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

export async function loadCoverage(address, { start, end }) {
  const found = await getJson(address, { start: toIso(start - MAX_BREAK), end: toIso(end) });
  return { ...found, start, end };
}

/** The text that explains to what the bars of a day are compared. */
export function describeMeasure({ calendar, usual_bars: usual }) {
  if (calendar) return `Open minutes with a bar, by trading day of ${calendar}:`;
  if (usual === null) return "Bars by UTC day, of 1,440 minutes:";
  return `Bars by UTC day, of ${formatCount(usual)} on a usual day (median of the upper half):`;
}

/** Draw the window into `box`. A click on a day calls `onDay(start, end, date)`: UTC seconds, and the formatted date. */
export function drawHeatMap(box, coverage, { onDay }) {
  const days = new Map(coverage.days.filter(hasBegun).map((day) => [toMidnight(day.day), day]));
  const table = document.createElement("table");
  table.className = "heat";
  table.setAttribute(
    "aria-label",
    `Coverage by ${coverage.days_are}, ${formatIsoDate(coverage.start)} to ${formatIsoDate(coverage.end - DAY)}`,
  );
  table.append(createMonthsHead(coverage));
  const body = table.createTBody();
  for (let row = 0; row < 7; row += 1) {
    const line = body.insertRow();
    line.append(createHeading(WEEKDAYS[row], "row"));
    for (let date = coverage.start + row * DAY; date < coverage.end; date += 7 * DAY) {
      const cell = line.insertCell();
      if (days.has(date)) cell.append(createDayButton(date, days.get(date), coverage));
    }
  }
  box.replaceChildren(table);
  listenToTable(table, onDay);
}

/** On a Saturday, Monday's trading day is listed although it has not opened yet. */
function hasBegun(day) {
  return day.bars > 0 || day.expected_by_now > 0;
}

function createMonthsHead({ start, end }) {
  const head = document.createElement("thead");
  const row = head.insertRow();
  row.append(document.createElement("td"));
  let [month, cell] = [null, null];
  for (let week = start; week < end; week += 7 * DAY) {
    const name = MONTH.format(week * 1000);
    if (name === month) {
      cell.colSpan += 1;
      continue;
    }
    [month, cell] = [name, createHeading(name, "colgroup")];
    row.append(cell);
  }
  // The name of a month does not fit into a single column.
  for (const one of row.querySelectorAll("th")) if (one.colSpan < 2) one.textContent = "";
  return head;
}

function createHeading(content, scope) {
  const cell = document.createElement("th");
  cell.scope = scope;
  cell.textContent = content;
  return cell;
}

function createDayButton(date, day, coverage) {
  const button = document.createElement("button");
  button.type = "button";
  button.tabIndex = -1;
  Object.assign(button.dataset, { date, day: toSeconds(day.ts), end: toSeconds(day.end) });
  button.className = findLevel(day, coverage);
  if (day.forming) button.classList.add("heat-now");
  const label = `${formatDate(date)}: ${describeDay(day, coverage)}`;
  button.setAttribute("aria-label", label);
  button.title = label;
  return button;
}

/** Wed 18 Nov 2026 */
function formatDate(date) {
  const day = new Date(date * 1000);
  return `${WEEKDAYS[getWeekday(date)]} ${day.getUTCDate()} ${MONTH.format(day)} ${day.getUTCFullYear()}`;
}

function findLevel(day, { calendar, usual_bars: usual }) {
  const [count, full] = calendar ? [day.open_bars, day.expected_by_now] : [day.bars, usual ?? UTC_DAY];
  if (!full) return "heat-closed";
  const share = count / full;
  if (share === 0) return "heat-0";
  return share < 0.5 ? "heat-1" : share < 0.8 ? "heat-2" : share < 0.98 ? "heat-3" : "heat-4";
}

function describeDay(day, { calendar, usual_bars: usual }) {
  return calendar ? describeByCalendar(day) : describeByBars(day, usual);
}

function describeByCalendar(day) {
  const outside = day.bars - day.open_bars;
  return [
    day.expected_by_now
      ? `${formatCount(day.open_bars)} of ${formatCount(day.expected_by_now)} minutes${day.forming ? " so far" : ""}`
      : "",
    outside ? `${formatBars(outside)} while closed` : "",
  ]
    .filter(Boolean)
    .join(", ");
}

function describeByBars(day, usual) {
  if (!day.bars) return "no bars";
  const share = usual ? `, ${Math.floor((day.bars / usual) * 100)}% of a usual day` : " of 1,440 minutes";
  return `${formatBars(day.bars)}${share}${day.forming ? ", not over yet" : ""}`;
}

function listenToTable(table, onDay) {
  const buttons = [...table.querySelectorAll("button")].sort((a, b) => a.dataset.date - b.dataset.date);
  if (!buttons.length) return;
  buttons.at(-1).tabIndex = 0;
  const focus = (button) => {
    for (const other of table.querySelectorAll("[tabindex='0']")) other.tabIndex = -1;
    button.tabIndex = 0;
    button.focus();
  };
  table.addEventListener("keydown", (event) => {
    const next = findNeighbour(buttons, document.activeElement, event.key);
    if (next === undefined) return;
    event.preventDefault();
    focus(next);
  });
  table.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    for (const other of buttons) other.removeAttribute("aria-pressed");
    button.setAttribute("aria-pressed", "true");
    focus(button);
    onDay(Number(button.dataset.day), Number(button.dataset.end), formatDate(Number(button.dataset.date)));
  });
}

/** The button that a key moves to: up and down by a day, left and right by a week. Closed days are skipped. */
function findNeighbour(buttons, from, key) {
  const getDate = (one) => Number(one.dataset.date);
  const date = getDate(from);
  const [earlier, later] = [(one) => getDate(one) < date, (one) => getDate(one) > date];
  const sameWeekday = (one) => getWeekday(getDate(one)) === getWeekday(date);
  const found = {
    ArrowUp: () => buttons.findLast(earlier),
    ArrowDown: () => buttons.find(later),
    ArrowLeft: () => buttons.findLast((one) => earlier(one) && sameWeekday(one)),
    ArrowRight: () => buttons.find((one) => later(one) && sameWeekday(one)),
    Home: () => buttons[0],
    End: () => buttons.at(-1),
  }[key];
  return found && (found() ?? from);
}
