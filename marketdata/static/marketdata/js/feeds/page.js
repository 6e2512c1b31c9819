// The page of feeds: its ages tick, and it is fetched again every few seconds while it is visible.

import { formatAgo, ServerClock } from "../shared/ages.js";
import { fetchPage, replaceParts } from "../shared/parts.js";

const INTERVAL = 3000; // milliseconds

const clock = new ServerClock();

function readClock() {
  clock.set(document.getElementById("live-feeds").dataset.now);
}

function showAges() {
  for (const time of document.querySelectorAll("time[data-age]")) {
    time.textContent = formatAgo(clock.read() - Date.parse(time.dateTime) / 1000);
  }
}

async function refresh() {
  if (document.hidden) return;
  const fresh = await fetchPage().catch(() => null);
  if (!fresh) return;
  replaceParts(fresh);
  readClock();
  showAges();
}

readClock();
showAges();
setInterval(showAges, 1000);
setInterval(refresh, INTERVAL);
document.addEventListener("visibilitychange", refresh);
