// The address in the browser's bar: a copy of it opens the same range.

import { toSeconds } from "../shared/api.js";

const TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?$/;
const NUMBER = /^\d{1,18}$/;
const SPACE_FOR_PLUS = /(:\d\d(?:\.\d+)?) (\d\d:?\d\d)$/;

/** {timeframe, session, from, finding}: what the address asks for; null and NaN where it has nothing. */
export function readAddress() {
  const query = new URL(location.href).searchParams;
  return {
    timeframe: query.get("timeframe"),
    session: query.get("session"),
    from: parseMoment(query.get("from") ?? ""),
    finding: NUMBER.test(query.get("finding") ?? "") ? query.get("finding") : null,
  };
}

/** UTC seconds of a date or time. Without an offset it is in UTC, as in the API, wherever the browser is. */
export function parseMoment(text) {
  const quoted = text.trim().replace(SPACE_FOR_PLUS, "$1+$2"); // an unquoted "+" arrives as a space
  return toSeconds(TIME.test(quoted) ? `${quoted.replace(" ", "T")}Z` : quoted);
}

/** `start`: where the shown range starts; null for the end of the series. `finding`: the number of the one that is marked
 * there; null for none. */
export function updateAddress(start, timeframe, session, finding = null) {
  const from = start === null ? null : `${new Date(start * 1000).toISOString().slice(0, 16)}Z`;
  const shown = timeframe === "1m" ? null : timeframe;
  replaceParameters({ from, timeframe: shown, session: getParameter(session), finding });
}

/** For a page without a chart: the rest of the address stays. */
export function updateSession(session) {
  replaceParameters({ session: getParameter(session) });
}

const getParameter = (session) => (session === "all" ? null : session);

function replaceParameters(parameters) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(parameters)) setParameter(url, name, value);
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
