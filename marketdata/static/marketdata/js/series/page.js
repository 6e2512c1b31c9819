// The page of one series: creates chart, heat map and gaps, and connects them.

import { Bars } from "../bars/bars.js";
import { Revisions } from "../bars/revisions.js";
import { Chart } from "../chart/chart.js";
import { Legend } from "../chart/legend.js";
import { Gaps } from "../coverage/gaps.js";
import { Years } from "../coverage/years.js";
import { toSeconds } from "../shared/api.js";
import { Clock } from "../shared/clock.js";
import { Status } from "../shared/status.js";
import { readAddress } from "./address.js";
import { listenToControls } from "./controls.js";
import { showCorrections } from "./corrections.js";
import { DAY } from "./moments.js";
import { listenToPanning } from "./paging.js";
import { pollForNewBars } from "./polling.js";
import { scrollToChart, showGap, showLatest, showRange } from "./ranges.js";
import { PageState } from "./state.js";
import { listenToZones, restoreZone, setClock, timeframes } from "./switches.js";

const byId = (id) => document.getElementById(id);

/** Everything on the page, which the other modules of this folder get as their first argument. */
function createPage(data, timeframe) {
  const clock = new Clock();
  const bars = new Bars(data.barsUrl, timeframe, [data.tick, byId("latest-close").textContent]);
  const revisions = new Revisions(data.barsUrl, bars);
  const parts = {
    bars,
    clock,
    revisions,
    lastBar: toSeconds(data.last),
    state: new PageState(timeframe),
    chart: new Chart(byId("chart"), bars, clock, Number(data.tick)),
    legend: new Legend(byId("legend"), byId("spoken"), { clock, bars, revisions }),
    status: new Status(byId("chart-status")),
  };
  const onGap = (gap) => showGap(parts, gap);
  parts.gaps = new Gaps({ box: byId("gaps"), count: byId("gap-count"), order: byId("gap-order"), clock, onGap });
  const onDay = (start, end, day) => showRange(parts, start, end, day).then(scrollToChart);
  parts.years = new Years(data, { gaps: parts.gaps, onDay });
  return parts;
}

const address = readAddress();
const known = timeframes.some(({ value }) => value === address.timeframe);
const page = createPage(byId("series").dataset, known ? address.timeframe : "1m");
listenToPanning(page);
pollForNewBars(page);
listenToControls(page);
listenToZones(page);
showCorrections(page);
restoreZone();
setClock(page);
await Promise.all([
  Number.isFinite(address.from) ? showRange(page, address.from, address.from + DAY) : showLatest(page),
  page.years.show(),
]);
