// The address in the browser's bar: a copy of it opens the same range.

import { toSeconds } from "../shared/api.js";

const TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?$/;
const SPACE_FOR_PLUS = /(:\d\d(?:\.\d+)?) (\d\d:?\d\d)$/;

/** {timeframe, from}: what the address asks for; null and NaN where it has nothing. */
export function readAddress() {
  const query = new URL(location.href).searchParams;
  return { timeframe: query.get("timeframe"), from: parseMoment(query.get("from") ?? "") };
}

/** UTC seconds of a date or time. Without an offset it is in UTC, as in the API, wherever the browser is. */
export function parseMoment(text) {
  const quoted = text.trim().replace(SPACE_FOR_PLUS, "$1+$2"); // an unquoted "+" arrives as a space
  return toSeconds(TIME.test(quoted) ? `${quoted.replace(" ", "T")}Z` : quoted);
}

/** `start`: where the shown range starts; null for the end of the series. */
export function updateAddress(start, timeframe) {
  const url = new URL(location.href);
  setParameter(url, "from", start === null ? null : `${new Date(start * 1000).toISOString().slice(0, 16)}Z`);
  setParameter(url, "timeframe", timeframe === "1m" ? null : timeframe);
  try {
    history.replaceState(null, "", url);
  } catch {
    // Some browsers refuse it in a frame, or after too many changes. Only a copy of the address would be an old one.
  }
}

function setParameter(url, name, value) {
  if (value === null) url.searchParams.delete(name);
  else url.searchParams.set(name, value);
}
