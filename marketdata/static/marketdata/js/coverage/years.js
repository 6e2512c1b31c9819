// The coverage section: one year of days and gaps at a time.

import { ApiError } from "../shared/api.js";
import { Clock } from "../shared/clock.js";
import { drawHeat, loadCoverage, measure, midnight, shifted, windowTo } from "./heat_map.js";

const DAY = 86_400;

const by = (id) => document.getElementById(id);
const utc = new Clock();

export class Years {
  /** `facts` of the series; `onDay(start, end, date)` when a day is pressed, the date in words. */
  constructor(facts, { gaps, onDay }) {
    this.address = facts.coverageUrl;
    [this.gaps, this.onDay] = [gaps, onDay];
    [this.first, this.last] = [midnight(facts.firstDay), midnight(facts.lastDay)];
    this.span = windowTo(this.last, this.first);
    by("year-earlier").addEventListener("click", () => this.show(shifted(this.span, -1, this.first)));
    by("year-later").addEventListener("click", () => this.show(shifted(this.span, 1, this.first)));
  }

  async show(span = this.span) {
    this.span = span;
    try {
      const coverage = await loadCoverage(this.address, span);
      drawHeat(by("heat"), coverage, { onDay: this.onDay });
      by("heat-measure").textContent = measure(coverage);
      this.gaps.show(coverage);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      by("heat").textContent = error.message;
    }
    by("coverage-range").textContent = `${utc.date(span.start)} to ${utc.date(span.end - DAY)}`;
    by("year-earlier").disabled = span.start <= this.first;
    by("year-later").disabled = span.end > this.last;
    by("heat-scroll").scrollLeft = by("heat-scroll").scrollWidth;
  }
}
