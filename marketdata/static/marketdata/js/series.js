// The page of one series: puts chart, heat map and gaps together.

import { ApiError, seconds } from "./api.js";
import { Bars } from "./bars.js";
import { Chart } from "./chart.js";
import { Clock } from "./clock.js";
import { midnight, drawHeat, loadCoverage, measure, shifted, windowTo } from "./coverage.js";
import { Gaps, lengthInWords } from "./gaps.js";
import { listenToKeys } from "./keys.js";
import { Legend } from "./legend.js";
import { Revisions } from "./revisions.js";

const DAY = 86_400;
const EDGE = 150; // bars left at an edge when the next page is asked for
const GAP_ROOM = 90; // bars on either side of a gap

const by = (id) => document.getElementById(id);
const facts = by("series").dataset;
const lastBar = seconds(facts.last);

const clock = new Clock();
const bars = new Bars(facts.barsUrl);
const chart = new Chart(by("chart"), bars, clock);
const revisions = new Revisions(facts.barsUrl);
const legend = new Legend(by("legend"), by("spoken"), { clock, bars, revisions });
const gaps = new Gaps({ box: by("gaps"), count: by("gap-count"), order: by("gap-order"), clock, onGap: showGap });

/** Do it with a word about it; what the server cannot answer is said, not thrown. */
async function attempt(word, work) {
  const status = by("chart-status");
  status.classList.remove("bad");
  status.textContent = word;
  try {
    await work();
    status.textContent = "";
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    status.classList.add("bad");
    status.textContent = error.message;
  }
}

// What the legend shows while nothing is pointed at: the bar that was asked for.
let resting;

function rest(bar) {
  resting = bar;
  chart.unpoint();
  legend.show(bar);
}

// --- The chart's range ----------------------------------------------------------------------------------------------

function showLatest() {
  return attempt("Loading the last bars…", async () => {
    await bars.latest();
    chart.mark();
    chart.draw();
    chart.showLatest();
    rest(bars.last);
    remember(null);
  });
}

function showRange(start, end) {
  return attempt("Loading…", async () => {
    await bars.around(start, end);
    chart.mark();
    chart.draw();
    const from = bars.indexFrom(start);
    const to = bars.indexFrom(end) - 1;
    if (to - from >= 10) chart.show(from, to);
    else chart.show(from - 60, from + 60); // a day is one candle of 1d: with its neighbours
    rest(bars.list[Math.min(from, bars.list.length - 1)]);
    remember(start);
    if (to < from) throw new ApiError(`No bars on ${clock.date(start)}: the nearest are shown.`);
  });
}

function showGap(gap) {
  useTimeframe("1m"); // a gap is between minutes
  return attempt("Loading…", async () => {
    await bars.around(gap.after - GAP_ROOM * 60, gap.before + GAP_ROOM * 60);
    if (!bars.at(gap.before)) await bars.around(gap.before, gap.before + GAP_ROOM * 60);
    chart.draw();
    const at = bars.indexFrom(gap.before);
    chart.show(at - GAP_ROOM, at + GAP_ROOM);
    chart.mark(gap.before, `${lengthInWords(gap.minutes)} gap`);
    rest(bars.at(gap.before));
    remember(gap.after);
    reveal();
  });
}

/** The address shows the same place to whoever it is sent to. */
function remember(start) {
  const url = new URL(location.href);
  if (start === null) url.searchParams.delete("from");
  else url.searchParams.set("from", new Date(start * 1000).toISOString().slice(0, 16) + "Z");
  if (bars.timeframe === "1m") url.searchParams.delete("timeframe");
  else url.searchParams.set("timeframe", bars.timeframe);
  history.replaceState(null, "", url);
  by("jump-date").value = clock.date(start ?? lastBar);
  for (const day of document.querySelectorAll("#heat [aria-pressed]")) {
    if (Number(day.dataset.day) !== start) day.removeAttribute("aria-pressed");
  }
}

/** On a small screen the chart is far from the day or gap that was pressed. */
function reveal() {
  by("chart-title").parentElement.scrollIntoView({ block: "nearest" });
}

// --- More bars while panning ----------------------------------------------------------------------------------------

let pressed = false;
let due = false;

/** The chart applies a range that it is given with its next frame, and reports others before: look after that. */
function extendSoon() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => requestAnimationFrame(() => {
    due = false;
    extend();
  }));
}

async function extend() {
  const seen = chart.scale.getVisibleLogicalRange();
  if (!seen || !bars.list.length) return;
  if (seen.from < EDGE && bars.hasOlder && !bars.busy) {
    await attempt("Loading older bars…", async () => {
      if (await bars.older()) chart.draw();
    });
  } else if (seen.to > bars.list.length - EDGE && bars.hasNewer && !bars.busy && !pressed) {
    // Bars put at the end move what is held by a finger or the mouse: only when it is let go.
    await attempt("Loading newer bars…", async () => {
      if (!(await bars.newer())) return;
      const before = chart.scale.getVisibleLogicalRange();
      chart.draw();
      chart.scale.setVisibleLogicalRange(before);
    });
  }
}

chart.scale.subscribeVisibleLogicalRangeChange(extendSoon);
by("chart").addEventListener("pointerdown", () => (pressed = true));
for (const event of ["pointerup", "pointercancel"]) {
  addEventListener(event, () => {
    pressed = false;
    extendSoon();
  });
}

// --- What people press ----------------------------------------------------------------------------------------------

chart.chart.subscribeCrosshairMove(({ time }) => legend.show(bars.at(time) ?? resting));
listenToKeys(by("chart"), { bars, chart, legend });
by("latest").addEventListener("click", showLatest);
by("jump").addEventListener("submit", (event) => {
  event.preventDefault();
  const start = clock.midnight(by("jump-date").value);
  showRange(start, start + DAY);
});
for (const choice of document.getElementsByName("zone")) {
  choice.addEventListener("change", () => setZone(choice.value));
}

function setZone(zone) {
  localStorage.setItem("barkeep-clock", zone === "UTC" ? "UTC" : "exchange");
  clock.setZone(zone);
  chart.redraw();
  legend.show(legend.bar);
  gaps.draw();
}

// --- Corrected bars -------------------------------------------------------------------------------------------------

chart.onDraw = async () => {
  if (bars.timeframe !== "1m" || !bars.list.length) {
    revisions.forget();
    chart.markRevised([]);
    return;
  }
  try {
    if (await revisions.cover(bars.first.time, bars.last.time + 60)) legend.show(legend.bar);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error; // the bars are there without it
  }
  chart.markRevised([...revisions.byTime.keys()].filter((time) => bars.at(time)));
};

// --- Timeframes -----------------------------------------------------------------------------------------------------

const timeframes = [...document.getElementsByName("timeframe")];
for (const choice of timeframes) choice.addEventListener("change", () => changeTimeframe(choice.value));

/** Other candles from here on; nothing is drawn yet. */
function useTimeframe(timeframe) {
  if (bars.timeframe === timeframe) return;
  chart.mark();
  bars.use(timeframe);
  for (const choice of timeframes) choice.checked = choice.value === timeframe;
  // A trading date is the same on every clock.
  clock.setZone(bars.bySession ? "UTC" : zoneChosen());
  for (const choice of document.getElementsByName("zone")) choice.disabled = bars.bySession;
}

/** The same moment as before in other candles: the middle of what is seen, or the end if that is seen. */
async function changeTimeframe(timeframe) {
  const seen = chart.scale.getVisibleLogicalRange();
  const atEnd = !seen || (!bars.hasNewer && seen.to >= bars.list.length - 1);
  const middle = bars.list[Math.max(0, Math.min(bars.list.length - 1, Math.round((seen?.from + seen?.to) / 2)))];
  useTimeframe(timeframe);
  if (atEnd || !middle) return showLatest();
  return attempt("Loading…", async () => {
    await bars.around(middle.stamp, middle.stamp + DAY);
    chart.draw();
    const at = bars.indexFrom(middle.time);
    chart.show(at - 60, at + 60);
    rest(bars.list[Math.min(at, bars.list.length - 1)]);
    remember(middle.stamp);
  });
}

function zoneChosen() {
  return [...document.getElementsByName("zone")].find((choice) => choice.checked)?.value ?? "UTC";
}

// --- Coverage -------------------------------------------------------------------------------------------------------

const [firstDay, lastDay] = [midnight(facts.firstDay), midnight(facts.lastDay)];
let coverageWindow = windowTo(lastDay, firstDay);

async function showCoverage(span) {
  coverageWindow = span;
  try {
    const coverage = await loadCoverage(facts.coverageUrl, span);
    drawHeat(by("heat"), coverage, { onDay: (start, end) => showRange(start, end).then(reveal) });
    by("heat-measure").textContent = measure(coverage);
    gaps.show(coverage);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    by("heat").textContent = error.message;
  }
  const utc = new Clock();
  by("coverage-range").textContent = `${utc.date(span.start)} to ${utc.date(span.end - DAY)}`;
  by("year-earlier").disabled = span.start <= firstDay;
  by("year-later").disabled = span.end > lastDay;
  by("heat-scroll").scrollLeft = by("heat-scroll").scrollWidth;
}

by("year-earlier").addEventListener("click", () => showCoverage(shifted(coverageWindow, -1, firstDay)));
by("year-later").addEventListener("click", () => showCoverage(shifted(coverageWindow, 1, firstDay)));

// --- Begin ----------------------------------------------------------------------------------------------------------

const exchange = [...document.getElementsByName("zone")].find((choice) => choice.value !== "UTC");
if (exchange && localStorage.getItem("barkeep-clock") === "exchange") {
  exchange.checked = true;
  clock.setZone(exchange.value);
}
const address = new URL(location.href).searchParams;
const asked = seconds(address.get("from"));
if (timeframes.some((choice) => choice.value === address.get("timeframe"))) useTimeframe(address.get("timeframe"));
await Promise.all([
  Number.isFinite(asked) ? showRange(asked, asked + DAY) : showLatest(),
  showCoverage(coverageWindow),
]);
