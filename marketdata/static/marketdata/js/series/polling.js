// New bars at the end of the series, while that end is visible.

import { pollWhileVisible } from "../shared/live.js";
import { showDate } from "./dates.js";

export function pollForNewBars(page) {
  const { bars, status } = page;
  pollWhileVisible(async () => {
    if (!isIdleAtEnd(page)) return;
    await status.attempt("refresh", "", async () => {
      const { last } = bars;
      if (!(await bars.refresh())) return;
      showNew(page, last);
      showDate(page);
    });
  });
}

function isIdleAtEnd({ bars, chart, state }) {
  if (!bars.list.length || bars.hasNewer || bars.busy || state.isLoading || state.isPressed) return false;
  return chart.scale.getVisibleLogicalRange()?.to >= bars.list.length - 1;
}

/** Keep the visible range, unless the new last bar would be outside. `last`: the previous last bar. */
function showNew({ bars, chart, legend, revisions, state }, last) {
  const { from, to } = chart.scale.getVisibleLogicalRange();
  revisions.invalidate(last.stamp);
  chart.draw();
  const shift = Math.max(0, bars.list.length - to);
  chart.scale.setVisibleLogicalRange({ from: from + shift, to: to + shift });
  const isSelected = legend.bar?.time === state.selected?.time && bars.at(state.pointed) === undefined;
  state.renewSelection(bars, last);
  legend.show(isSelected ? state.selected : (bars.at(legend.bar?.time) ?? state.selected));
}
