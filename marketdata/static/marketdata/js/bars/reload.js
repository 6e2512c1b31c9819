// The loaded range, loaded again after events of the stream were missed.

import { toIso } from "../shared/api.js";
import { loadPage } from "./candles.js";

const [PAGE, MAX_PAGES] = [10_000, 20];

/** The range of `bars` as it is now, and the bars after it if the end of the series is loaded. For `bars.replace`. */
export async function loadAgain({ address, timeframe, session, hasOlder, hasNewer, first, last }) {
  const list = [];
  let start = hasOlder ? first.stamp : undefined;
  let more = true;
  for (let count = 0; more && count < MAX_PAGES && !(hasNewer && start > last.stamp); count += 1) {
    const parameters = { order: "asc", start: start && toIso(start), limit: PAGE };
    const page = await loadPage(address, timeframe, session, parameters);
    for (const bar of page.bars) list.push(bar);
    more = page.more;
    if (more) start = list.at(-1).stamp + 60;
  }
  return { timeframe, session, list, hasOlder, hasNewer: more };
}
