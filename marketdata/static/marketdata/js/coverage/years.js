// The coverage section: heat map and gaps of one year.

import { markDays } from "../quality/days.js";
import { requestFindings } from "../quality/findings.js";
import { describeThrown, throwUnexpected } from "../shared/api.js";
import { Clock } from "../shared/clock.js";
import { drawHeatMap, loadCoverage, pressDay } from "./heat_map.js";
import { describeMeasure } from "./measures.js";
import { DAY, findWindow, shiftWindow, toMidnight } from "./weeks.js";

const BROKEN = "The coverage cannot be drawn: reload the page.";

const byId = (id) => document.getElementById(id);
const utc = new Clock();

export class Years {
  /** `data`: the data attributes of the series. `onDay(start, end, date)`: see `drawHeatMap`. `getStart`: returns where
   * the chart's range starts, whose day is pressed. `session`: the hours whose bars count, all or regular; `hasSessions`:
   * whether the page offers both. */
  constructor(data, { gaps, onDay, getStart, session, hasSessions }) {
    this.address = data.coverageUrl;
    this.findings = (span) => requestFindings(data.findingsUrl, data.slug, span);
    Object.assign(this, { gaps, onDay, getStart, session, hasSessions });
    [this.first, this.last] = [toMidnight(data.firstDay), toMidnight(data.lastDay)];
    this.span = findWindow(this.last, this.first);
    byId("year-earlier").addEventListener("click", () => this.show(shiftWindow(this.span, -1, this.first)));
    byId("year-later").addEventListener("click", () => this.show(shiftWindow(this.span, 1, this.first)));
  }

  /** Show the year. An outdated response is not drawn: the buttons may be pressed faster than the server responds. */
  async show(span = this.span) {
    this.span = span;
    const turn = Symbol("request");
    this.turn = turn;
    this.showSpan();
    try {
      const coverage = await loadCoverage(this.address, span, this.session);
      if (turn !== this.turn) return;
      this.draw(coverage);
      const findings = await this.loadFindings(span);
      if (turn === this.turn) markDays(byId("heat"), findings);
    } catch (error) {
      if (turn === this.turn) this.fail(describeThrown(error, BROKEN));
      throwUnexpected(error);
    }
  }

  /** The findings of the year; none if they cannot be loaded, since the chart requests them too and reports it. */
  async loadFindings({ start, end }) {
    try {
      return await this.findings({ start: start - DAY, end: end + DAY }); // a trading day begins before its date
    } catch (error) {
      throwUnexpected(error);
      return [];
    }
  }

  /** Show the same year with the bars of other hours. */
  async showSession(session) {
    if (session === this.session) return;
    this.session = session;
    await this.show();
  }

  showSpan() {
    const { start, end } = this.span;
    byId("coverage-range").textContent = `${utc.date(start)} to ${utc.date(end - DAY)}`;
    byId("year-earlier").disabled = start <= this.first;
    byId("year-later").disabled = end > this.last;
  }

  draw(coverage) {
    drawHeatMap(byId("heat"), coverage, { onDay: this.onDay });
    pressDay(this.getStart());
    byId("heat-measure").textContent = describeMeasure(coverage, this.hasSessions);
    this.gaps.show(coverage);
    byId("heat-scroll").scrollLeft = byId("heat-scroll").scrollWidth;
  }

  fail(message) {
    byId("heat").textContent = message;
    this.gaps.fail(message);
  }
}
