// Candles of the API, as the chart draws them.

import { getJson, toSeconds } from "../shared/api.js";

const SESSIONS = ["1d", "1w"];

// The maximum length of a candle in seconds. A candle ends earlier if the next one starts earlier.
export const LENGTHS = {
  "1m": 60,
  "5m": 300,
  "15m": 900,
  "30m": 1800,
  "1h": 3600,
  "4h": 14_400,
  "1d": 86_400,
  "1w": 604_800,
};

/** Whether candles of the timeframe are drawn at their trading date instead of a time. */
export const isBySession = (timeframe) => SESSIONS.includes(timeframe);

/** One page of candles. `address`: that of the minute bars. `more`: whether another page follows. */
export async function loadPage(address, timeframe, session, parameters) {
  const hours = session === "all" ? {} : { session };
  const page = await getJson(address.replace("/ohlcv-1m/", `/ohlcv-${timeframe}/`), { ...parameters, ...hours });
  const bars = page.bars.map((bar) => createCandle(bar, isBySession(timeframe)));
  markProvisional(bars, page.provisional);
  return { bars, more: page.next_cursor !== null };
}

/** `ranges`: those of the page's provisional bars; absent where the server has none. */
function markProvisional(bars, ranges = []) {
  const spans = ranges.map(({ start, end }) => [toSeconds(start), toSeconds(end)]);
  if (!spans.length) return;
  for (const bar of bars) bar.provisional = spans.some(([start, end]) => bar.stamp >= start && bar.stamp < end);
}

/** Numbers for drawing. `text` has the exact decimals for display, `stamp` the timestamp in the API. */
export function createCandle(bar, bySession) {
  const stamp = toSeconds(bar.ts);
  return {
    stamp,
    time: bySession ? toSeconds(`${bar.session_date}T00:00Z`) : stamp,
    count: bar.bar_count,
    expected: bar.expected,
    session: bar.session_date,
    forming: bar.forming ?? false,
    provisional: bar.provisional ?? false,
    open: Number(bar.open),
    high: Number(bar.high),
    low: Number(bar.low),
    close: Number(bar.close),
    volume: bar.volume,
    run: bar.run_id,
    text: { open: bar.open, high: bar.high, low: bar.low, close: bar.close },
  };
}
