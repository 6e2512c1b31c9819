// Findings on the page of a series: marked in the chart, and listed below it.

import { load, MARGIN, scrollToChart, select, showStart } from "../series/ranges.js";
import { describeThrown, throwUnexpected } from "../shared/api.js";
import { FindingsList } from "./list.js";
import { findSpan, isVisible, placeFindings } from "./spans.js";

const NOT_SHOWN = "The findings cannot be shown: reload the page.";

export function showFindings(page, data) {
  const { chart, clock, findings, status } = page;
  const onFinding = async (finding) => {
    findings.choose(finding);
    await showFinding(page, finding);
    scrollToChart();
  };
  const list = new FindingsList(document.getElementById("findings"), { address: data.findingPages, clock, onFinding });
  let placed = [];
  const showList = () => {
    const visible = chart.scale.getVisibleLogicalRange();
    if (!visible) return;
    const shown = placed.filter(({ span }) => isVisible(span, visible)).map(({ finding }) => finding);
    list.show(shown, findings.chosen);
  };
  const mark = () => {
    placed = placeFindings(findings.list, page.bars);
    chart.bands.mark(placed, findings.chosen);
    chart.afterDrawing(showList);
  };
  findings.onChange = mark;
  chart.listenToDrawing(() => {
    mark();
    status.attempt("findings", "", () => findings.load());
  });
  chart.scale.subscribeVisibleLogicalRangeChange(() => chart.afterDrawing(showList));
}

/** The chart shows the span of a finding, which is chosen before, and bars on either side. */
function showFinding(page, finding) {
  const { bars, chart } = page;
  const { requested: timeframe, session } = page.state;
  const request = () => bars.loadAround(finding.start, finding.end, timeframe, session);
  return load(page, timeframe, request, () => {
    const at = bars.findAt(finding.start);
    const { from, to } = findSpan(finding, bars) ?? { from: at, to: at };
    chart.viewport.show(from - MARGIN, to + MARGIN);
    select(page, bars.list[at]);
    showStart(page, finding.start);
  });
}

/** Open the chart at a finding. False if the series has no such finding, which the status line reports. */
export async function openFinding(page, id) {
  try {
    await showFinding(page, await page.findings.open(id));
    return true;
  } catch (error) {
    page.status.show("finding", describeThrown(error, NOT_SHOWN), true);
    throwUnexpected(error);
    return false;
  }
}
