// The heat map: weekdays down, weeks across, one button per UTC day. Arrow keys walk from day to day.

import { getJson, iso, seconds } from "./api.js";

const DAY = 86_400;
const WINDOW = 52 * 7 * DAY;
const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const LONG = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", weekday: "long", day: "numeric", month: "long", year: "numeric" });
const MONTH = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", month: "short" });

const weekday = (day) => (Math.floor(day / DAY) + 3) % 7; // 0: Monday
const midnight = (time) => Math.floor(time / DAY) * DAY;
const text = (day) => iso(day).slice(0, 10);

/** Up to 52 weeks that end with the week of `last`, and begin with that of `first` if the data are no longer. */
export function windowTo(last, first) {
  const end = midnight(last) + (7 - weekday(midnight(last))) * DAY;
  return { start: Math.max(end - WINDOW, midnight(first) - weekday(midnight(first)) * DAY), end };
}

/** The window one year before (-1) or after (1). */
export function shifted({ end }, years, first) {
  return windowTo(end - 1 + years * WINDOW, first);
}

export async function loadCoverage(address, { start, end }) {
  const found = await getJson(address, { start: iso(start), end: iso(end) });
  return { ...found, start, end };
}

/** Draw the window into `box`; `onDay(start of day)` when one is pressed. */
export function drawHeat(box, coverage, { firstBar, lastBar, onDay }) {
  const days = new Map(coverage.days.map((day) => [seconds(`${day.day}T00:00:00Z`), day]));
  const fullest = fullestByWeekday(days);
  const table = document.createElement("table");
  table.className = "heat";
  table.setAttribute("aria-label", `Bars per UTC day, ${text(coverage.start)} to ${text(coverage.end - DAY)}`);
  table.append(monthsHead(coverage));
  const body = table.createTBody();
  for (let row = 0; row < 7; row += 1) {
    const line = body.insertRow();
    line.append(heading(WEEKDAYS[row], "row"));
    for (let day = coverage.start + row * DAY; day < coverage.end; day += 7 * DAY) {
      const inside = day >= midnight(firstBar) && day <= lastBar;
      const cell = line.insertCell();
      if (inside) cell.append(dayButton(day, days.get(day), fullest[row]));
    }
  }
  box.replaceChildren(table);
  listen(table, onDay);
}

function fullestByWeekday(days) {
  const most = Array(7).fill(0);
  for (const [day, { bars }] of days) most[weekday(day)] = Math.max(most[weekday(day)], bars);
  return most;
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

function dayButton(day, found, fullest) {
  const button = document.createElement("button");
  const share = found ? found.bars / fullest : 0;
  button.type = "button";
  button.tabIndex = -1;
  button.dataset.day = day;
  button.className = `heat-${level(share)}`;
  const label = `${LONG.format(day * 1000)}: ${words(found, share)}`;
  button.setAttribute("aria-label", label);
  button.title = label;
  return button;
}

function level(share) {
  if (share === 0) return 0;
  return share < 0.5 ? 1 : share < 0.8 ? 2 : share < 0.98 ? 3 : 4;
}

function words(found, share) {
  if (!found) return "no bars";
  const gaps = found.gaps === 1 ? "1 gap" : `${found.gaps} gaps`;
  return `${found.bars.toLocaleString("en-US")} bars, ${Math.floor(share * 100)}% of the fullest, ${gaps}`;
}

function listen(table, onDay) {
  const buttons = [...table.querySelectorAll("button")].sort((a, b) => a.dataset.day - b.dataset.day);
  if (!buttons.length) return;
  buttons.at(-1).tabIndex = 0;
  const steps = { ArrowLeft: -7, ArrowRight: 7, ArrowUp: -1, ArrowDown: 1, Home: -Infinity, End: Infinity };
  const focus = (button) => {
    for (const other of table.querySelectorAll("[tabindex='0']")) other.tabIndex = -1;
    button.tabIndex = 0;
    button.focus();
  };
  table.addEventListener("keydown", (event) => {
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const index = buttons.indexOf(document.activeElement) + step;
    focus(buttons[Math.max(0, Math.min(buttons.length - 1, index))]);
  });
  table.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    for (const other of buttons) other.removeAttribute("aria-pressed");
    button.setAttribute("aria-pressed", "true");
    focus(button);
    onDay(Number(button.dataset.day));
  });
}
