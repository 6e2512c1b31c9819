// The heat map: weekdays down, weeks across, one button per trading day (UTC day where there is no calendar). Closed days
// stay blank. Arrow keys walk from day to day.

import { getJson, iso, seconds } from "../shared/api.js";

const DAY = 86_400;
const WINDOW = 52 * 7 * DAY;
const LONGEST_BREAK = 4 * DAY; // a weekend and a holiday: a gap across the window's first midnight is seen with it
const UTC_DAY = 1440; // minutes
const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTH = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", month: "short" });

const weekday = (date) => (Math.floor(date / DAY) + 3) % 7; // 0: Monday
const text = (date) => iso(date).slice(0, 10);
const number = (count) => count.toLocaleString("en-US");
const bars = (count) => (count === 1 ? "1 bar" : `${number(count)} bars`);

// Dates are the seconds of their midnight in UTC, whenever the exchange's day begins.
export const midnight = (isoDate) => seconds(`${isoDate}T00:00:00Z`);

/** Up to 52 weeks that end with the week of the date `last`, and begin with that of `first` if the data are no longer. */
export function windowTo(last, first) {
  const end = last + (7 - weekday(last)) * DAY;
  return { start: Math.max(end - WINDOW, first - weekday(first) * DAY), end };
}

/** The window one year before (-1) or after (1). */
export function shifted({ end }, years, first) {
  return windowTo(end - DAY + years * WINDOW, first);
}

export async function loadCoverage(address, { start, end }) {
  const found = await getJson(address, { start: iso(start - LONGEST_BREAK), end: iso(end) });
  return { ...found, start, end };
}

/** What the days are held against, in words. */
export function measure({ calendar, usual_bars: usual }) {
  if (calendar) return `Open minutes with a bar, by trading day of ${calendar}:`;
  if (usual === null) return "Bars by UTC day, of 1,440 minutes:";
  return `Bars by UTC day, of ${number(usual)} on a usual day (median of the fuller half):`;
}

/** Draw the window into `box`; `onDay(start, end, date)` with the day's moments and its date in words when one is pressed. */
export function drawHeat(box, coverage, { onDay }) {
  const days = new Map(coverage.days.filter(hasBegun).map((day) => [midnight(day.day), day]));
  const table = document.createElement("table");
  table.className = "heat";
  table.setAttribute("aria-label", `Coverage by ${coverage.days_are}, ${text(coverage.start)} to ${text(coverage.end - DAY)}`);
  table.append(monthsHead(coverage));
  const body = table.createTBody();
  for (let row = 0; row < 7; row += 1) {
    const line = body.insertRow();
    line.append(heading(WEEKDAYS[row], "row"));
    for (let date = coverage.start + row * DAY; date < coverage.end; date += 7 * DAY) {
      const cell = line.insertCell();
      if (days.has(date)) cell.append(dayButton(date, days.get(date), coverage));
    }
  }
  box.replaceChildren(table);
  listen(table, onDay);
}

/** On a Saturday the Monday's trading day is there, but was not open yet. */
function hasBegun(day) {
  return day.bars > 0 || day.expected_by_now > 0;
}

function monthsHead({ start, end }) {
  const head = document.createElement("thead");
  const row = head.insertRow();
  row.append(document.createElement("td"));
  let [month, cell] = [null, null];
  for (let week = start; week < end; week += 7 * DAY) {
    const name = MONTH.format(week * 1000);
    if (name === month) cell.colSpan += 1;
    else row.append((cell = heading(name, "colgroup")));
    month = name;
  }
  // A month with one column has no room for its name.
  for (const one of row.querySelectorAll("th")) if (one.colSpan < 2) one.textContent = "";
  return head;
}

function heading(content, scope) {
  const cell = document.createElement("th");
  cell.scope = scope;
  cell.textContent = content;
  return cell;
}

function dayButton(date, day, coverage) {
  const button = document.createElement("button");
  button.type = "button";
  button.tabIndex = -1;
  Object.assign(button.dataset, { date, day: seconds(day.ts), end: seconds(day.end) });
  button.className = level(day, coverage);
  if (day.forming) button.classList.add("heat-now");
  const label = `${dateInWords(date)}: ${words(day, coverage)}`;
  button.setAttribute("aria-label", label);
  button.title = label;
  return button;
}

/** Wed 18 Nov 2026 */
function dateInWords(date) {
  const day = new Date(date * 1000);
  return `${WEEKDAYS[weekday(date)]} ${day.getUTCDate()} ${MONTH.format(day)} ${day.getUTCFullYear()}`;
}

function level(day, { calendar, usual_bars: usual }) {
  const [held, full] = calendar ? [day.open_bars, day.expected_by_now] : [day.bars, usual ?? UTC_DAY];
  if (!full) return "heat-closed";
  const share = held / full;
  if (share === 0) return "heat-0";
  return share < 0.5 ? "heat-1" : share < 0.8 ? "heat-2" : share < 0.98 ? "heat-3" : "heat-4";
}

function words(day, { calendar, usual_bars: usual }) {
  return calendar ? wordsByCalendar(day) : wordsByBars(day, usual);
}

function wordsByCalendar(day) {
  const outside = day.bars - day.open_bars;
  return [
    day.expected_by_now ? `${number(day.open_bars)} of ${number(day.expected_by_now)} minutes${day.forming ? " so far" : ""}` : "",
    outside ? `${bars(outside)} while closed` : "",
  ].filter(Boolean).join(", ");
}

function wordsByBars(day, usual) {
  if (!day.bars) return "no bars";
  const share = usual ? `, ${Math.floor((day.bars / usual) * 100)}% of a usual day` : " of 1,440 minutes";
  return `${bars(day.bars)}${share}${day.forming ? ", not over yet" : ""}`;
}

function listen(table, onDay) {
  const buttons = [...table.querySelectorAll("button")].sort((a, b) => a.dataset.date - b.dataset.date);
  if (!buttons.length) return;
  buttons.at(-1).tabIndex = 0;
  const focus = (button) => {
    for (const other of table.querySelectorAll("[tabindex='0']")) other.tabIndex = -1;
    button.tabIndex = 0;
    button.focus();
  };
  table.addEventListener("keydown", (event) => {
    const next = neighbour(buttons, document.activeElement, event.key);
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
    onDay(Number(button.dataset.day), Number(button.dataset.end), dateInWords(Number(button.dataset.date)));
  });
}

/** Where a key leads from a day: up and down to the day before and after, left and right by weeks, over closed days. */
function neighbour(buttons, from, key) {
  const dateOf = (one) => Number(one.dataset.date);
  const date = dateOf(from);
  const [earlier, later] = [(one) => dateOf(one) < date, (one) => dateOf(one) > date];
  const sameWeekday = (one) => weekday(dateOf(one)) === weekday(date);
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
