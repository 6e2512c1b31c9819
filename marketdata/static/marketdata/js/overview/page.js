// The overview's live series: latest price, freshness and state, without a reload. One request for all rows of the page.

import { formatAgo, ServerClock } from "../shared/ages.js";
import { getJson, toSeconds } from "../shared/api.js";

const INTERVAL = 2000; // milliseconds
const RETRY = 15_000; // after an error

const clock = new ServerClock();
let known = {}; // by slug

/** Other parts of the page may have been replaced: the rows are searched each time. */
const listRows = () => [...document.querySelectorAll("tr[data-live-url]")];

function show() {
  for (const row of listRows()) {
    const feed = known[row.dataset.slug];
    if (feed) showFeed(row, feed);
  }
}

function showFeed(row, feed) {
  setText(row.querySelector(".feed-text"), feed.text);
  row.querySelector(".feed-text").title = feed.reason;
  if (!feed.last_bar) return;
  const last = toSeconds(feed.last_bar);
  const time = row.querySelector(".last time");
  time.dateTime = feed.last_bar;
  setText(time, feed.last_bar.slice(0, 16).replace("T", " "));
  setText(row.querySelector(".age"), formatAgo(clock.read() - last - 60));
  setText(row.querySelector(".close"), feed.close);
}

function setText(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

async function poll() {
  let pause = INTERVAL;
  try {
    const slugs = listRows().map((row) => row.dataset.slug);
    if (slugs.length && !document.hidden) {
      const { now, series } = await getJson(buildAddress(slugs));
      clock.set(now);
      known = series;
      show();
    }
  } catch {
    pause = RETRY; // what is shown stays, and its ages tick
  }
  setTimeout(poll, pause);
}

function buildAddress(slugs) {
  const address = document.querySelector("tr[data-live-url]").dataset.liveUrl;
  return `${address}?${new URLSearchParams(slugs.map((slug) => ["series", slug]))}`;
}

if (listRows().length) {
  poll();
  setInterval(show, 1000);
  document.addEventListener("visibilitychange", show);
}
