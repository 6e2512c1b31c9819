// The page of one series: connects chart, heat map and gaps.

import { formatLength, Gaps } from "../coverage/gaps.js";
import { Years } from "../coverage/years.js";
import { ApiError, toSeconds } from "../shared/api.js";
import { Clock } from "../shared/clock.js";
import { pollWhileVisible } from "../shared/live.js";
import { Status } from "../shared/status.js";
import { Bars } from "./bars.js";
import { Chart } from "./chart.js";
import { listenToKeys } from "./keys.js";
import { Legend, padDecimals } from "./legend.js";
import { Revisions } from "./revisions.js";

const DAY = 86_400;
const EDGE = 150; // remaining bars at an edge at which the next page is requested
const GAP_MARGIN = 90; // bars on either side of a gap

const DATED = "Daily and weekly candles show the exchange’s trading date, which does not depend on the time zone.";

const byId = (id) => document.getElementById(id);
const data = byId("series").dataset;
const lastBar = toSeconds(data.last);

const timeframes = [...document.getElementsByName("timeframe")];
const query = new URL(location.href).searchParams;

const clock = new Clock();
const first = timeframes.find(({ value }) => value === query.get("timeframe"))?.value ?? "1m";
const bars = new Bars(data.barsUrl, first, [data.tick, byId("latest-close").textContent]);
const chart = new Chart(byId("chart"), bars, clock, Number(data.tick));
const revisions = new Revisions(data.barsUrl, bars);
const legend = new Legend(byId("legend"), byId("spoken"), { clock, bars, revisions });
const status = new Status(byId("chart-status"));
const gaps = new Gaps({ box: byId("gaps"), count: byId("gap-count"), order: byId("gap-order"), clock, onGap: showGap });
const years = new Years(data, { gaps, onDay: (start, end, day) => showRange(start, end, day).then(scrollToChart) });

let selected; // the bar in the legend while the crosshair is on no bar
let pointed; // the time under the crosshair

function select(bar) {
  selected = bar;
  chart.clearPoint();
  legend.show(bar);
}

// --- The chart's range ----------------------------------------------------------------------------------------------

let turn = 0; // counts requests: the response to an outdated request is not drawn
let loading = false;
let requested = bars.timeframe; // the pressed button; differs from the chart's timeframe while that loads

/** Replace the bars with the range that `request` returns, then call `show` to move the chart. Until then, and after an
 * error, chart, legend and address do not change. `show` may return a message. */
async function load(timeframe, request, show) {
  const mine = ++turn;
  loading = true;
  kept = undefined;
  status.show("bars", "Loading…");
  pressTimeframe(timeframe);
  try {
    const range = await request();
    if (mine !== turn) return;
    if (range) bars.replace(range);
    if (!bars.list.length) throw new ApiError("The series no longer has bars: reload the page.");
    setClock();
    chart.mark();
    chart.draw();
    for (const subject of ["more", "bars"]) status.show(subject);
    status.show("bars", show() ?? "", true);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (mine === turn) status.show("bars", error.message, true);
  } finally {
    if (mine === turn) {
      loading = false;
      pressTimeframe(bars.timeframe);
      extendSoon();
    }
  }
}

function showLatest(timeframe = requested) {
  return load(
    timeframe,
    () => bars.loadLatest(timeframe),
    () => {
      chart.showLatest();
      select(bars.last);
      updateAddress(null);
    },
  );
}

/** `day`: the name of the range in messages, if it is not the date of `start`. */
function showRange(start, end, day) {
  const timeframe = requested;
  return load(
    timeframe,
    () => bars.loadAround(start, end, timeframe),
    () => {
      // For days and weeks a midnight denotes the trading date, whose candle may have a later stamp.
      const from = (bars.bySession ? bars.byTime.get(start) : undefined) ?? bars.findAt(start);
      const to = bars.countTo(end - 1) - 1;
      if (to - from >= 10) chart.show(from, to);
      else chart.show(from - 60, from + 60); // a day is a single 1d candle: show its neighbours too
      select(bars.list[from]);
      updateAddress(start);
      if (!bars.overlaps(from, start, end)) return `No bars on ${day ?? clock.date(start)}: the nearest are shown.`;
    },
  );
}

function showGap(gap) {
  const [start, end] = [gap.after - GAP_MARGIN * 60, gap.before + GAP_MARGIN * 60];
  const request = async () => {
    const range = await bars.loadAround(start, end, "1m"); // gaps exist between minute bars only
    const found = range?.list ?? bars.list;
    return found.some((bar) => bar.stamp === gap.before) ? range : bars.loadAround(gap.before, end, "1m");
  };
  return load("1m", request, () => {
    const at = bars.findAt(gap.before);
    chart.show(at - GAP_MARGIN, at + GAP_MARGIN);
    chart.mark(gap.before, `${formatLength(gap.minutes)} gap`);
    select(bars.list[at]);
    updateAddress(gap.after);
    scrollToChart();
  });
}

/** Update the address, so that a copy of it opens the same range. */
function updateAddress(start) {
  const url = new URL(location.href);
  if (start === null) url.searchParams.delete("from");
  else url.searchParams.set("from", `${new Date(start * 1000).toISOString().slice(0, 16)}Z`);
  if (bars.timeframe === "1m") url.searchParams.delete("timeframe");
  else url.searchParams.set("timeframe", bars.timeframe);
  history.replaceState(null, "", url);
  const field = byId("jump-date");
  if (field !== document.activeElement) field.value = start === null ? clock.date(lastBar) : findDate(start); // not while a date is being typed
  for (const day of document.querySelectorAll("#heat [aria-pressed]")) {
    if (Number(day.dataset.day) !== start) day.removeAttribute("aria-pressed");
  }
}

/** The trading date of a moment, which may be the next calendar date. A midnight is a date itself. */
function findDate(moment) {
  return clock.date(bars.bySession && moment % DAY ? bars.list[bars.findAt(moment)].time : moment);
}

/** Scroll to the chart: on a small screen it is far from the pressed day or gap. */
function scrollToChart() {
  byId("chart-title").parentElement.scrollIntoView({ block: "nearest" });
}

// --- Loading bars while panning -------------------------------------------------------------------------------------

let pressed = false;
let touched = false;
let scheduled = false;

/** Extend after two frames: the chart applies a new range with the next frame, and reports other ranges before. */
function extendSoon() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      scheduled = false;
      extend();
    }),
  );
}

async function extend() {
  const visible = chart.scale.getVisibleLogicalRange();
  if (!visible || !bars.list.length || loading) return;
  if (visible.from < EDGE && bars.hasOlder && !bars.busy) {
    await status.attempt("more", "Loading older bars…", async () => {
      if (await bars.loadOlder()) chart.draw();
    });
  } else if (visible.to > bars.list.length - EDGE && bars.hasNewer && !bars.busy && !pressed) {
    // Bars added at the end move the chart under a pressed pointer: wait until it is released.
    await status.attempt("more", "Loading newer bars…", async () => {
      if (!(await bars.loadNewer())) return;
      const before = chart.scale.getVisibleLogicalRange();
      chart.draw();
      chart.scale.setVisibleLogicalRange(before);
    });
  }
}

chart.scale.subscribeVisibleLogicalRangeChange(extendSoon);
byId("chart").addEventListener("pointerdown", (event) => {
  pressed = true;
  touched = event.pointerType !== "mouse";
});
for (const event of ["pointerup", "pointercancel"]) {
  addEventListener(event, () => {
    pressed = false;
    extendSoon();
  });
}

// --- New bars -------------------------------------------------------------------------------------------------------

pollWhileVisible(async () => {
  const atEnd = () => chart.scale.getVisibleLogicalRange()?.to >= bars.list.length - 1;
  if (!bars.list.length || bars.hasNewer || bars.busy || loading || pressed || !atEnd()) return;
  await status.attempt("refresh", "", async () => {
    const { last } = bars;
    if (await bars.refresh()) showNew(last);
  });
});

/** Keep the visible range, unless the new last bar would be outside. `last`: the previous last bar. */
function showNew(last) {
  const { from, to } = chart.scale.getVisibleLogicalRange();
  revisions.invalidate(last.stamp);
  chart.draw();
  const shift = Math.max(0, bars.list.length - to);
  chart.scale.setVisibleLogicalRange({ from: from + shift, to: to + shift });
  const isSelected = legend.bar?.time === selected?.time && bars.at(pointed) === undefined;
  selected = selected?.time === last.time ? bars.last : (bars.at(selected?.time) ?? selected);
  legend.show(isSelected ? selected : (bars.at(legend.bar?.time) ?? selected));
}

// --- Pointer and controls -------------------------------------------------------------------------------------------

chart.chart.subscribeCrosshairMove(({ time }) => {
  pointed = time;
  legend.show(bars.at(time) ?? selected);
});
chart.chart.subscribeClick(({ time }) => {
  if (!bars.at(time)) return;
  selected = bars.at(time);
  legend.show(selected);
  if (touched) chart.point(selected); // a tap leaves no crosshair
});
listenToKeys(byId("chart"), { bars, chart, legend, choose: (number) => timeframes[number - 1]?.click() });
byId("latest").addEventListener("click", () => showLatest());
byId("jump").addEventListener("submit", (event) => {
  event.preventDefault();
  const start = clock.midnight(byId("jump-date").value);
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
  const close = byId("latest-close");
  close.textContent = padDecimals(bars.hasNewer ? close.textContent : bars.last.text.close, bars.decimals);
  chart.markRevised(revisions.count());
  // After an error, the next drawing requests the revisions again.
  const isLoaded = await status.attempt("revisions", "", () => revisions.load());
  chart.markRevised(revisions.count());
  legend.show(legend.bar);
  if (isLoaded && revisions.cut !== null) {
    status.show(
      "revisions",
      `Corrected minutes before ${clock.long(revisions.cut)} are not shown: there are too many.`,
    );
  }
};

// --- Timeframes -----------------------------------------------------------------------------------------------------

for (const choice of timeframes) choice.addEventListener("change", () => changeTimeframe(choice.value));

function pressTimeframe(timeframe) {
  requested = timeframe;
  for (const choice of timeframes) choice.checked = choice.value === timeframe;
  for (const choice of document.getElementsByName("zone")) {
    choice.disabled = bars.bySession;
    choice.title = choice.parentElement.title = bars.bySession ? DATED : "";
  }
}

// The moment of the last change of timeframe, until the chart moves: coarse candles would lose it.
let kept;

/** Show the same moment in candles of another timeframe. */
async function changeTimeframe(timeframe) {
  const moment = kept ?? findMoment();
  if (moment === undefined) return showLatest(timeframe);
  await load(
    timeframe,
    () => bars.loadAround(moment, moment + DAY, timeframe),
    () => {
      const at = bars.findAt(moment);
      chart.show(at - 60, at + 60);
      select(bars.list[at]);
      updateAddress(moment);
    },
  );
  kept = moment;
}

/** The middle of the visible range; at the end of the series, the selected bar, or undefined if that is the last. */
function findMoment() {
  const visible = chart.scale.getVisibleLogicalRange();
  const last = bars.list.length - 1;
  if (!visible || last < 0) return undefined;
  const middle = Math.max(0, Math.min(last, Math.round((visible.from + visible.to) / 2)));
  if (bars.hasNewer || visible.to < last) return bars.list[middle].stamp;
  const index = bars.byTime.get(selected?.time);
  return index >= visible.from && index < last ? selected.stamp : undefined;
}

for (const event of ["pointerdown", "wheel", "keydown"]) {
  byId("chart").addEventListener(event, () => (kept = undefined), { passive: true });
}

/** Days and weeks always use UTC: their trading dates do not depend on the time zone. */
function setClock() {
  const chosen = [...document.getElementsByName("zone")].find((choice) => choice.checked);
  clock.setZone(bars.bySession ? "UTC" : (chosen?.value ?? "UTC"));
}

// --- Start ----------------------------------------------------------------------------------------------------------

const exchange = [...document.getElementsByName("zone")].find((choice) => choice.value !== "UTC");
if (exchange && localStorage.getItem("barkeep-clock") === "exchange") exchange.checked = true;
setClock();
const from = toSeconds(query.get("from"));
await Promise.all([Number.isFinite(from) ? showRange(from, from + DAY) : showLatest(), years.show()]);
