// Shows another range of the series in the chart.

import { pressDay } from "../coverage/heat_map.js";
import { ApiError, describeThrown, throwUnexpected } from "../shared/api.js";
import { formatLength } from "../shared/format.js";
import { updateAddress, updateSession } from "./address.js";
import { showDate } from "./dates.js";
import { DAY, findIndices, findMoment } from "./moments.js";
import { extendSoon } from "./paging.js";
import { pressSession, pressTimeframe, setClock } from "./switches.js";

const GAP_MARGIN = 90; // bars on either side of a gap
export const MARGIN = 60; // bars on either side of a moment
const MIN_SHOWN = 10; // bars of a range; with fewer, their neighbours are shown too

const BROKEN = "The chart cannot be drawn: reload the page.";
export const NONE = "The series no longer has bars: reload the page.";
const NONE_REGULAR = "The series has no bars in regular hours: choose all hours.";

/** Replace the bars with the range that `request` returns, then call `show` to move the chart. Until then, and after an
 * error, chart, legend and address do not change. `show` may return a message. */
export async function load(page, timeframe, request, show) {
  const { bars, state, status } = page;
  const turn = state.startRequest(timeframe);
  const position = page.stream?.position; // what is committed later than this may be missing in the response
  status.show("bars", "Loading…");
  pressTimeframe(timeframe, bars);
  pressSession(state.session);
  try {
    const range = await request();
    if (!state.isCurrent(turn)) return;
    drawRange(page, range);
    for (const subject of ["more", "bars"]) status.show(subject);
    status.show("bars", show() ?? "", true);
  } catch (error) {
    if (state.isCurrent(turn)) status.show("bars", describeThrown(error, BROKEN), true);
    throwUnexpected(error);
  } finally {
    if (state.isCurrent(turn)) {
      state.endRequest(bars.timeframe, bars.session);
      pressTimeframe(bars.timeframe, bars);
      pressSession(bars.session);
      page.years.showSession(bars.session);
      page.stream?.follow(position);
      extendSoon(page);
    }
  }
}

/** `range`: null if the loaded bars contain the requested ones. */
function drawRange(page, range) {
  const { bars, chart } = page;
  if (range) bars.replace(range);
  if (!bars.list.length) throw new ApiError(bars.session === "regular" ? NONE_REGULAR : NONE);
  setClock(page);
  chart.mark();
  chart.draw();
  chart.scalePrices(); // dragged axes belong to the range before: other prices could be outside
}

/** `start`: where the shown range starts; null for the end of the series. */
export function showStart(page, start) {
  page.state.showFrom(start);
  updateAddress(start, page.bars.timeframe, page.bars.session, page.findings.chosen?.id ?? null);
  showDate(page);
  pressDay(start);
}

export function select({ chart, legend, state }, bar) {
  state.select(bar);
  chart.clearPoint();
  legend.show(bar);
}

export function showLatest(page, timeframe = page.state.requested) {
  const { bars, chart, state } = page;
  const { session } = state;
  const request = () => bars.loadLatest(timeframe, session);
  return load(page, timeframe, request, () => {
    page.findings.choose(null);
    chart.viewport.showLatest();
    select(page, bars.last);
    showStart(page, null);
  });
}

/** `day`: the name of the range in messages, if it is not the date of `start`. */
export function showRange(page, start, end, day) {
  const { bars, chart, clock } = page;
  const { requested: timeframe, session } = page.state;
  const request = () => bars.loadAround(start, end, timeframe, session);
  return load(page, timeframe, request, () => {
    page.findings.choose(null);
    const [from, to] = findIndices(start, end, bars);
    if (to - from >= MIN_SHOWN) chart.viewport.show(from, to);
    else chart.viewport.show(from - MARGIN, from + MARGIN); // a day is a single 1d candle: show its neighbours too
    select(page, bars.list[from]);
    showStart(page, start);
    if (!bars.overlaps(from, start, end)) return `No bars on ${day ?? clock.date(start)}: the nearest are shown.`;
  });
}

/** The chart shows the bar after the gap, or the one before it where there is none, and the date if there is neither. */
export function showGap(page, gap) {
  const { bars, chart } = page;
  const { session } = page.state;
  const beside = gap.before ?? gap.after;
  if (beside === null) return showRange(page, gap.start, gap.end).then(scrollToChart);
  const [start, end] = [gap.start - GAP_MARGIN * 60, gap.end + GAP_MARGIN * 60];
  const request = async () => {
    const range = await bars.loadAround(start, end, "1m", session); // gaps exist between minute bars only
    const found = range?.list ?? bars.list;
    return found.some((bar) => bar.stamp === beside) ? range : bars.loadAround(beside, beside + DAY, "1m", session);
  };
  return load(page, "1m", request, () => {
    page.findings.choose(null);
    const at = bars.findAt(beside);
    chart.viewport.show(at - GAP_MARGIN, at + GAP_MARGIN);
    chart.mark(beside, `${formatLength(gap.minutes)} gap`);
    select(page, bars.list[at]);
    showStart(page, gap.after ?? beside);
    scrollToChart();
  });
}

/** Show the same moment in candles of another timeframe. */
export function changeTimeframe(page, timeframe) {
  const { bars, chart, state } = page;
  const { session } = state;
  const moment = state.kept ?? findMoment(chart.scale.getVisibleLogicalRange(), bars, state.selected);
  if (moment === undefined) return showLatest(page, timeframe);
  const request = () => bars.loadAround(moment, moment + DAY, timeframe, session);
  return load(page, timeframe, request, () => {
    const at = bars.findAt(moment);
    chart.viewport.show(at - MARGIN, at + MARGIN);
    select(page, bars.list[at]);
    showStart(page, moment);
    state.keep(moment);
  });
}

/** Show the same moment in bars of other hours; the coverage follows. */
export function changeSession(page, session) {
  page.state.requestSession(session);
  if (page.chart) return changeTimeframe(page, page.state.requested);
  updateSession(session);
  return page.years.showSession(session);
}

/** Scroll to the chart: on a small screen it is far from the pressed day or gap. */
export function scrollToChart() {
  document.getElementById("chart-title").parentElement.scrollIntoView({ block: "nearest" });
}
