// The heat map: a row per weekday, a column per week, a button per trading day (UTC day without a calendar). Closed days
// are blank. Arrow keys move from day to day.

import { getJson, toIso, toSeconds } from "../shared/api.js";
import { describeDay, findLevel, hasBegun, needsAttention } from "./measures.js";
import { DAY, findNeighbour, formatDate, formatMonth, toMidnight, WEEKDAYS } from "./weeks.js";

const MAX_BREAK = 4 * DAY; // a weekend and a holiday; otherwise a gap across the first midnight would be missing

const getDate = (button) => Number(button.dataset.date);
const formatIsoDate = (date) => toIso(date).slice(0, 10);

export async function loadCoverage(address, { start, end }, session) {
  const hours = session === "all" ? {} : { session };
  const found = await getJson(address, { start: toIso(start - MAX_BREAK), end: toIso(end), ...hours });
  return { ...found, start, end };
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

function createMonthsHead({ start, end }) {
  const head = document.createElement("thead");
  const row = head.insertRow();
  row.append(document.createElement("td"));
  let [month, cell] = [null, null];
  for (let week = start; week < end; week += 7 * DAY) {
    const name = formatMonth(week);
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
  if (day.provisional) button.classList.add("heat-provisional");
  if (needsAttention(day, coverage)) button.classList.add(`heat-${day.verdict}`);
  const label = `${formatDate(date)}: ${describeDay(day, coverage)}`;
  button.setAttribute("aria-label", label);
  button.title = label;
  return button;
}

/** Press the day that starts at `start`, in UTC seconds; none for null. */
export function pressDay(start) {
  for (const button of document.querySelectorAll("#heat button")) {
    if (start !== null && Number(button.dataset.day) === start) button.setAttribute("aria-pressed", "true");
    else button.removeAttribute("aria-pressed");
  }
}

function listenToTable(table, onDay) {
  const buttons = [...table.querySelectorAll("button")].sort((a, b) => getDate(a) - getDate(b));
  if (!buttons.length) return;
  const byDate = new Map(buttons.map((button) => [getDate(button), button]));
  buttons.at(-1).tabIndex = 0;
  const focus = (button) => {
    for (const other of table.querySelectorAll("[tabindex='0']")) other.tabIndex = -1;
    button.tabIndex = 0;
    button.focus();
  };
  table.addEventListener("keydown", (event) => {
    const next = findNeighbour([...byDate.keys()], getDate(document.activeElement), event.key);
    if (next === undefined) return;
    event.preventDefault();
    focus(byDate.get(next));
  });
  table.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    focus(button);
    onDay(Number(button.dataset.day), Number(button.dataset.end), formatDate(getDate(button)));
  });
}
