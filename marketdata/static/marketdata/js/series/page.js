// The page of one series: creates chart, heat map and gaps, and connects them.

import { Bars } from "../bars/bars.js";
import { Revisions } from "../bars/revisions.js";
import { Legend } from "../chart/legend.js";
import { Gaps } from "../coverage/gaps.js";
import { Years } from "../coverage/years.js";
import { Findings } from "../quality/findings.js";
import { toSeconds } from "../shared/api.js";
import { Clock } from "../shared/clock.js";
import { Status } from "../shared/status.js";
import { readAddress } from "./address.js";
import { Ends, showDate } from "./dates.js";
import { FeedLine } from "./feed_line.js";
import { changeSession, scrollToChart, showGap, showRange } from "./ranges.js";
import { startChart } from "./start.js";
import { PageState } from "./state.js";
import { listenToZones, pressSession, restoreZone, sessions, setClock, timeframes } from "./switches.js";

const byId = (id) => document.getElementById(id);

/** Everything on the page but the chart, which the other modules of this folder get as their first argument. */
function createPage(data, timeframe, session) {
  const clock = new Clock();
  const bars = new Bars(data.barsUrl, timeframe, [data.tick, byId("latest-close").textContent], session);
  const revisions = new Revisions(data.barsUrl, bars);
  const parts = {
    bars,
    clock,
    revisions,
    findings: new Findings(data.findingsUrl, data.slug, bars),
    chart: null, // until `startChart`, and where no chart can be drawn
    line: null, // about the feed
    stream: null, // the same, and where the server has no streams
    ends: new Ends({ ...data, first: toSeconds(data.first), last: toSeconds(data.last) }),
    state: new PageState(timeframe, session),
    legend: new Legend(byId("legend"), byId("spoken"), { clock, bars, revisions }),
    status: new Status(byId("chart-status")),
  };
  const onGap = (gap) => (parts.chart ? showGap(parts, gap) : scrollToChart());
  parts.gaps = new Gaps({
    box: byId("gaps"),
    count: byId("gap-count"),
    order: byId("gap-order"),
    outside: byId("outside-session"),
    clock,
    onGap,
  });
  const onDay = async (start, end, day) => {
    if (parts.chart) await showRange(parts, start, end, day);
    scrollToChart();
  };
  const getStart = () => parts.state.start;
  parts.years = new Years(data, { gaps: parts.gaps, onDay, getStart, session, hasSessions: sessions.length > 0 });
  return parts;
}

const series = byId("series").dataset;
const address = readAddress();
const isChoice = (choices, value) => choices.some((choice) => choice.value === value);
const page = createPage(
  series,
  isChoice(timeframes, address.timeframe) ? address.timeframe : "1m",
  isChoice(sessions, address.session) ? address.session : "all",
);
pressSession(page.state.session);
for (const choice of sessions) choice.addEventListener("change", () => changeSession(page, choice.value));
listenToZones(page);
restoreZone();
setClock(page);
showDate(page);
page.line = new FeedLine(page);
page.line.showFeed(JSON.parse(series.feed));
series.started = ""; // see `started.js`
await Promise.all([startChart(page, series, address), page.years.show()]);
