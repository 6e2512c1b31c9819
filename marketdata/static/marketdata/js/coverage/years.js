// The coverage section: heat map and gaps of one year.

import { ApiError } from "../shared/api.js";
import { Clock } from "../shared/clock.js";
import { drawHeatMap, loadCoverage } from "./heat_map.js";
import { describeMeasure } from "./measures.js";
import { DAY, findWindow, shiftWindow, toMidnight } from "./weeks.js";

const byId = (id) => document.getElementById(id);
const utc = new Clock();

export class Years {
  /** `data`: the data attributes of the series. `onDay(start, end, date)`: see `drawHeatMap`. */
  constructor(data, { gaps, onDay }) {
    this.address = data.coverageUrl;
    [this.gaps, this.onDay] = [gaps, onDay];
    [this.first, this.last] = [toMidnight(data.firstDay), toMidnight(data.lastDay)];
    this.span = findWindow(this.last, this.first);
    byId("year-earlier").addEventListener("click", () => this.show(shiftWindow(this.span, -1, this.first)));
    byId("year-later").addEventListener("click", () => this.show(shiftWindow(this.span, 1, this.first)));
  }

  async show(span = this.span) {
    this.span = span;
    try {
      const coverage = await loadCoverage(this.address, span);
      drawHeatMap(byId("heat"), coverage, { onDay: this.onDay });
      byId("heat-measure").textContent = describeMeasure(coverage);
      this.gaps.show(coverage);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      byId("heat").textContent = error.message;
    }
    byId("coverage-range").textContent = `${utc.date(span.start)} to ${utc.date(span.end - DAY)}`;
    byId("year-earlier").disabled = span.start <= this.first;
    byId("year-later").disabled = span.end > this.last;
    byId("heat-scroll").scrollLeft = byId("heat-scroll").scrollWidth;
  }
}
