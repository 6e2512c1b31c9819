// Starts the chart. Where it cannot be drawn, the page reports that, and heat map and gaps work without it.

import { Chart, hasLibrary } from "../chart/chart.js";
import { openFinding, showFindings } from "../quality/series.js";
import { listenToControls } from "./controls.js";
import { showCorrections } from "./corrections.js";
import { DAY } from "./moments.js";
import { listenToPanning } from "./paging.js";
import { pollFeed, pollForNewBars } from "./polling.js";
import { showLatest, showRange } from "./ranges.js";
import { Stream } from "./stream.js";

const NOT_LOADED = "There is no chart, since its library could not be loaded: reload the page.";
const NOT_DRAWN = "There is no chart, since this browser cannot draw it.";

/** `from`: where the shown range starts, in UTC seconds; NaN for the end of the series. `finding`: the number of the one
 * at which the chart opens instead; null for none. */
export async function startChart(page, data, { from, finding }) {
  page.chart = createChart(page, Number(data.tick));
  pollFeed(page, data);
  if (!page.chart) return;
  if (data.streamUrl && globalThis.EventSource) page.stream = new Stream(page, data);
  listenToPanning(page);
  pollForNewBars(page);
  listenToControls(page);
  showCorrections(page);
  showFindings(page, data);
  if (finding !== null && (await openFinding(page, finding))) return;
  await (Number.isFinite(from) ? showRange(page, from, from + DAY) : showLatest(page));
}

function createChart({ bars, clock, status }, tick) {
  const element = document.getElementById("chart");
  try {
    if (hasLibrary()) return new Chart(element, bars, clock, tick);
    status.show("chart", NOT_LOADED, true);
  } catch (error) {
    globalThis.reportError?.(error);
    element.replaceChildren();
    status.show("chart", NOT_DRAWN, true);
  }
  for (const control of document.querySelectorAll("#jump :enabled, [name=timeframe]")) control.disabled = true;
  return null;
}
