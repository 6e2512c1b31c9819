// The page of one series: puts chart, heat map and gaps together.

import { ApiError, seconds } from "../shared/api.js";
import { Bars } from "./bars.js";
import { Chart } from "./chart.js";
import { Clock } from "../shared/clock.js";
import { Gaps, lengthInWords } from "../coverage/gaps.js";
import { listenToKeys } from "./keys.js";
import { Legend, padded } from "./legend.js";
import { whileSeen } from "../shared/live.js";
import { Revisions } from "./revisions.js";
import { Status } from "../shared/status.js";
import { Years } from "../coverage/years.js";

const DAY = 86_400;
const EDGE = 150; // bars left at an edge when the next page is asked for
const GAP_ROOM = 90; // bars on either side of a gap

const DATED = "Daily and weekly candles are named by the exchange’s trading date, which is the same on every clock.";

const by = (id) => document.getElementById(id);
const facts = by("series").dataset;
const lastBar = seconds(facts.last);

const timeframes = [...document.getElementsByName("timeframe")];
const address = new URL(location.href).searchParams;

const clock = new Clock();
const first = timeframes.find(({ value }) => value === address.get("timeframe"))?.value ?? "1m";
const bars = new Bars(facts.barsUrl, first, [facts.tick, by("latest-close").textContent]);
const chart = new Chart(by("chart"), bars, clock, Number(facts.tick));
const revisions = new Revisions(facts.barsUrl, bars);
const legend = new Legend(by("legend"), by("spoken"), { clock, bars, revisions });
const status = new Status(by("chart-status"));
const gaps = new Gaps({ box: by("gaps"), count: by("gap-count"), order: by("gap-order"), clock, onGap: showGap });
const years = new Years(facts, { gaps, onDay: (start, end, day) => showRange(start, end, day).then(reveal) });

let resting; // what the legend shows while nothing is pointed at: the bar that was asked for
let pointed; // where the crosshair is

function rest(bar) {
  resting = bar;
  chart.unpoint();
  legend.show(bar);
}

// --- The chart's range ----------------------------------------------------------------------------------------------

let turn = 0; // counts what was asked for: an answer that comes after a later question is not drawn
let loading = false;
let wanted = bars.timeframe; // what the buttons say: other than the chart's while it loads

/** Take the stretch that `ask` brings and show what `place` says of it. Until then, and if it does not come, the chart,
 * the legend and the address stay as they are. `place` may return a sentence about what it could not find. */
async function load(timeframe, ask, place) {
  const mine = ++turn;
  loading = true;
  kept = undefined;
  status.say("bars", "Loading…");
  press(timeframe);
  try {
    const stretch = await ask();
    if (mine !== turn) return;
    if (stretch) bars.take(stretch);
    if (!bars.list.length) throw new ApiError("There are no bars any more: reload the page.");
    setClock();
    chart.mark();
    chart.draw();
    for (const subject of ["more", "bars"]) status.say(subject);
    status.say("bars", place() ?? "", true);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (mine === turn) status.say("bars", error.message, true);
  } finally {
    if (mine === turn) {
      loading = false;
      press(bars.timeframe);
      extendSoon();
    }
  }
}

function showLatest(timeframe = wanted) {
  return load(timeframe, () => bars.latest(timeframe), () => {
    chart.showLatest();
    rest(bars.last);
    remember(null);
  });
}

/** `day` is what people call the range, where it is not the date at its start. */
function showRange(start, end, day) {
  const timeframe = wanted;
  return load(timeframe, () => bars.around(start, end, timeframe), () => {
    // In days and weeks a midnight stands for the trading date, whose candle may be stamped after it.
    const from = (bars.bySession ? bars.byTime.get(start) : undefined) ?? bars.indexAt(start);
    const to = bars.countTo(end - 1) - 1;
    if (to - from >= 10) chart.show(from, to);
    else chart.show(from - 60, from + 60); // a day is one candle of 1d: with its neighbours
    rest(bars.list[from]);
    remember(start);
    if (!bars.overlaps(from, start, end)) return `No bars on ${day ?? clock.date(start)}: the nearest are shown.`;
  });
}

function showGap(gap) {
  const [start, end] = [gap.after - GAP_ROOM * 60, gap.before + GAP_ROOM * 60];
  const ask = async () => {
    const stretch = await bars.around(start, end, "1m"); // a gap is between minutes
    const found = stretch?.list ?? bars.list;
    return found.some((bar) => bar.stamp === gap.before) ? stretch : bars.around(gap.before, end, "1m");
  };
  return load("1m", ask, () => {
    const at = bars.indexAt(gap.before);
    chart.show(at - GAP_ROOM, at + GAP_ROOM);
    chart.mark(gap.before, `${lengthInWords(gap.minutes)} gap`);
    rest(bars.list[at]);
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
  const field = by("jump-date");
  if (field !== document.activeElement) field.value = start === null ? clock.date(lastBar) : dateOf(start); // or is typed in
  for (const day of document.querySelectorAll("#heat [aria-pressed]")) {
    if (Number(day.dataset.day) !== start) day.removeAttribute("aria-pressed");
  }
}

/** Of a moment within a trading day its date, which may be the next; a midnight is a date itself. */
function dateOf(moment) {
  return clock.date(bars.bySession && moment % DAY ? bars.list[bars.indexAt(moment)].time : moment);
}

/** On a small screen the chart is far from the day or gap that was pressed. */
function reveal() {
  by("chart-title").parentElement.scrollIntoView({ block: "nearest" });
}

// --- More bars while panning ----------------------------------------------------------------------------------------

let pressed = false;
let touched = false;
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
  if (!seen || !bars.list.length || loading) return;
  if (seen.from < EDGE && bars.hasOlder && !bars.busy) {
    await status.attempt("more", "Loading older bars…", async () => {
      if (await bars.older()) chart.draw();
    });
  } else if (seen.to > bars.list.length - EDGE && bars.hasNewer && !bars.busy && !pressed) {
    // Bars put at the end move what is held by a finger or the mouse: only when it is let go.
    await status.attempt("more", "Loading newer bars…", async () => {
      if (!(await bars.newer())) return;
      const before = chart.scale.getVisibleLogicalRange();
      chart.draw();
      chart.scale.setVisibleLogicalRange(before);
    });
  }
}

chart.scale.subscribeVisibleLogicalRangeChange(extendSoon);
by("chart").addEventListener("pointerdown", (event) => {
  pressed = true;
  touched = event.pointerType !== "mouse";
});
for (const event of ["pointerup", "pointercancel"]) {
  addEventListener(event, () => {
    pressed = false;
    extendSoon();
  });
}

// --- New bars --------------------------------------------------------------------------------------------------------

whileSeen(async () => {
  const atEnd = () => chart.scale.getVisibleLogicalRange()?.to >= bars.list.length - 1;
  if (!bars.list.length || bars.hasNewer || bars.busy || loading || pressed || !atEnd()) return;
  await status.attempt("refresh", "", async () => {
    const { last } = bars;
    if (await bars.refresh()) showNew(last);
  });
});

/** The chart stays where it is, unless the last bar would be out of sight; `last` was the last bar until now. */
function showNew(last) {
  const { from, to } = chart.scale.getVisibleLogicalRange();
  revisions.doubt(last.stamp);
  chart.draw();
  const shift = Math.max(0, bars.list.length - to);
  chart.scale.setVisibleLogicalRange({ from: from + shift, to: to + shift });
  const rested = legend.bar?.time === resting?.time && bars.at(pointed) === undefined;
  resting = resting?.time === last.time ? bars.last : (bars.at(resting?.time) ?? resting);
  legend.show(rested ? resting : (bars.at(legend.bar?.time) ?? resting));
}

// --- What people press ----------------------------------------------------------------------------------------------

chart.chart.subscribeCrosshairMove(({ time }) => {
  pointed = time;
  legend.show(bars.at(time) ?? resting);
});
chart.chart.subscribeClick(({ time }) => {
  if (!bars.at(time)) return;
  resting = bars.at(time);
  legend.show(resting);
  if (touched) chart.point(resting); // a finger leaves no crosshair
});
listenToKeys(by("chart"), { bars, chart, legend, choose: (place) => timeframes[place - 1]?.click() });
by("latest").addEventListener("click", () => showLatest());
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
  setClock();
  chart.redraw();
  legend.show(legend.bar);
  gaps.draw();
}

// --- Corrected bars -------------------------------------------------------------------------------------------------

chart.onDraw = async () => {
  const close = by("latest-close");
  close.textContent = padded(bars.hasNewer ? close.textContent : bars.last.text.close, bars.decimals);
  chart.markRevised(revisions.count());
  // What could not be loaded is asked for again with the next drawing.
  const known = await status.attempt("revisions", "", () => revisions.cover());
  chart.markRevised(revisions.count());
  legend.show(legend.bar);
  if (known && revisions.cut !== null) {
    status.say("revisions", `Corrected minutes are shown from ${clock.long(revisions.cut)} on: before, there are too many.`);
  }
};

// --- Timeframes -----------------------------------------------------------------------------------------------------

for (const choice of timeframes) choice.addEventListener("change", () => changeTimeframe(choice.value));

function press(timeframe) {
  wanted = timeframe;
  for (const choice of timeframes) choice.checked = choice.value === timeframe;
  for (const choice of document.getElementsByName("zone")) {
    choice.disabled = bars.bySession;
    choice.title = choice.parentElement.title = bars.bySession ? DATED : "";
  }
}

// The moment that the last change of timeframe kept, until the chart is moved: in finer candles it is found again.
let kept;

/** The same moment as before in other candles. */
async function changeTimeframe(timeframe) {
  const moment = kept ?? momentSeen();
  if (moment === undefined) return showLatest(timeframe);
  await load(timeframe, () => bars.around(moment, moment + DAY, timeframe), () => {
    const at = bars.indexAt(moment);
    chart.show(at - 60, at + 60);
    rest(bars.list[at]);
    remember(moment);
  });
  kept = moment;
}

/** The middle of what is seen; where the end is seen, the bar that was asked for; undefined if that was the end. */
function momentSeen() {
  const seen = chart.scale.getVisibleLogicalRange();
  const last = bars.list.length - 1;
  if (!seen || last < 0) return undefined;
  const middle = Math.max(0, Math.min(last, Math.round((seen.from + seen.to) / 2)));
  if (bars.hasNewer || seen.to < last) return bars.list[middle].stamp;
  const asked = bars.byTime.get(resting?.time);
  return asked >= seen.from && asked < last ? resting.stamp : undefined;
}

for (const event of ["pointerdown", "wheel", "keydown"]) {
  by("chart").addEventListener(event, () => (kept = undefined), { passive: true });
}

/** A trading date is the same on every clock. */
function setClock() {
  const chosen = [...document.getElementsByName("zone")].find((choice) => choice.checked);
  clock.setZone(bars.bySession ? "UTC" : (chosen?.value ?? "UTC"));
}

// --- Begin ----------------------------------------------------------------------------------------------------------

const exchange = [...document.getElementsByName("zone")].find((choice) => choice.value !== "UTC");
if (exchange && localStorage.getItem("barkeep-clock") === "exchange") exchange.checked = true;
setClock();
const asked = seconds(address.get("from"));
await Promise.all([
  Number.isFinite(asked) ? showRange(asked, asked + DAY) : showLatest(),
  years.show(),
]);
