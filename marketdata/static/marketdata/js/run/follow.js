// Follows running runs and jobs without a reload: polls the page's state while one is running and the page is visible.
//
// The state has a version. While it is that of the page, only the texts of progress change; else the page's parts marked
// `data-live` are fetched again.

import { fetchPage, replaceParts } from "../shared/parts.js";

const INTERVAL = 1000; // milliseconds, while something is running
const IDLE_INTERVAL = 30_000; // on the overview, where another run can begin
const RETRY_INTERVAL = 5000; // while the server cannot be reached

/** Follow the page whose head has a `follow-version`. `refreshed` is called after parts of the page were replaced. */
export function follow(refreshed) {
  if (readMeta(document, "follow-version") === undefined) return;
  const page = { version: readMeta(document, "follow-version"), etag: "", timer: 0, refreshed };
  page.address = readMeta(document, "follow-address");
  page.isOpen = readMeta(document, "follow-open") !== undefined;
  page.isOverview = readMeta(document, "follow-idle") !== undefined;
  schedule(page);
  document.addEventListener("visibilitychange", () => {
    clearTimeout(page.timer);
    if (!document.hidden && (page.isOpen || page.isOverview)) poll(page);
  });
}

function readMeta(from, name) {
  return from.querySelector(`meta[name="${name}"]`)?.content;
}

function schedule(page) {
  clearTimeout(page.timer);
  if (document.hidden) return;
  if (page.isOpen) page.timer = setTimeout(poll, page.isUnreachable ? RETRY_INTERVAL : INTERVAL, page);
  else if (page.isOverview) page.timer = setTimeout(poll, IDLE_INTERVAL, page);
}

async function poll(page) {
  page.isUnreachable = !(await check(page).catch(() => false));
  schedule(page);
}

/** Poll once. Whether the server answered. */
async function check(page) {
  const response = await fetch(page.address, {
    cache: "no-store", // a 304 is for this script, not for the browser's cache
    headers: { Accept: "application/json", "If-None-Match": page.etag },
  });
  if (response.status === 304) return true;
  if (response.redirected) return endPolling(page, "You are no longer logged in: reload the page.");
  if (!response.ok) return false;
  const state = await response.json();
  page.etag = response.headers.get("ETag") ?? "";
  if (state.version !== page.version) await refresh(page);
  for (const [id, text] of Object.entries(state.progress)) showProgress(id, text);
  page.isOpen = state.is_open;
  return true;
}

function endPolling(page, message) {
  page.isOpen = page.isOverview = false;
  const note = document.createElement("p");
  note.className = "message error";
  note.setAttribute("role", "status");
  note.textContent = message;
  document.getElementById("main").prepend(note);
  return true;
}

function showProgress(id, text) {
  for (const element of document.querySelectorAll(`[data-progress="${id}"]`)) {
    if (element.textContent !== text) element.textContent = text;
  }
}

/** Replace the live parts of the page by those of the server's. */
async function refresh(page) {
  const fresh = await fetchPage();
  const version = fresh ? readMeta(fresh, "follow-version") : undefined;
  if (version === undefined) return;
  replaceParts(fresh);
  page.version = version;
  page.refreshed();
}
