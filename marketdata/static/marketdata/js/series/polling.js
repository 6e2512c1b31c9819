// New bars at the end of the series, while that end is visible.

import { getJson } from "../shared/api.js";
import { pollWhileVisible } from "../shared/live.js";
import { showDate } from "./dates.js";

const FEED_INTERVAL = 5000; // milliseconds
const RARELY = 6; // intervals, for a series that is not live

export function pollForNewBars(page) {
  pollWhileVisible(() => page.stream?.isOpen || refresh(page));
}

/** Without a stream: the state of the feed, and new bars as soon as there is one. */
export function pollFeed(page, { feedUrl }) {
  let seen = page.line.feed.last_bar;
  let round = 0;
  const poll = async () => {
    round += 1;
    const isRare = page.line.feed.state === "none" && round % RARELY;
    if (document.hidden || page.stream?.isOpen || isRare) return;
    const { series } = await getJson(feedUrl).catch(() => ({ series: {} }));
    const [feed] = Object.values(series);
    if (!feed || page.stream?.isOpen) return;
    page.line.showFeed(feed);
    if (!page.chart || feed.last_bar === seen) return;
    seen = feed.last_bar;
    refresh(page);
  };
  setInterval(poll, FEED_INTERVAL);
}

async function refresh(page) {
  const { bars, status } = page;
  if (!isIdleAtEnd(page)) return;
  await status.attempt("refresh", "", async () => {
    const { last } = bars;
    if (!(await bars.refresh())) return;
    showNew(page, last);
    showDate(page);
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
