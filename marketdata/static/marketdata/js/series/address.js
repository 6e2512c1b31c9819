// The address in the browser's bar: a copy of it opens the same range.

import { toSeconds } from "../shared/api.js";
import { findDate } from "./moments.js";

/** {timeframe, from}: what the address asks for; null and NaN where it has nothing. */
export function readAddress() {
  const query = new URL(location.href).searchParams;
  return { timeframe: query.get("timeframe"), from: toSeconds(query.get("from")) };
}

/** `start`: where the shown range starts; null for the end of the series. */
export function updateAddress({ bars, clock, lastBar }, start) {
  const url = new URL(location.href);
  setParameter(url, "from", start === null ? null : `${new Date(start * 1000).toISOString().slice(0, 16)}Z`);
  setParameter(url, "timeframe", bars.timeframe === "1m" ? null : bars.timeframe);
  history.replaceState(null, "", url);
  const field = document.getElementById("jump-date");
  // Not while a date is being typed.
  if (field !== document.activeElement) {
    field.value = start === null ? clock.date(lastBar) : findDate(start, bars, clock);
  }
  for (const day of document.querySelectorAll("#heat [aria-pressed]")) {
    if (Number(day.dataset.day) !== start) day.removeAttribute("aria-pressed");
  }
}

function setParameter(url, name, value) {
  if (value === null) url.searchParams.delete(name);
  else url.searchParams.set(name, value);
}
