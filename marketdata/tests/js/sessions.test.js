// Bars of regular hours.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Bars } from "../../static/marketdata/js/bars/bars.js";
import { loadCoverage } from "../../static/marketdata/js/coverage/heat_map.js";
import { serve, utc } from "./server.js";

const FIRST = utc("2024-01-02 14:30");

function page(...minutes) {
  const price = { open: "1", high: "1", low: "1", close: "1", volume: 1 };
  const found = minutes.map((minute) => ({ ts: new Date((FIRST + minute * 60) * 1000).toISOString(), ...price }));
  return { bars: found, next_cursor: "next" };
}

const listSessions = (requests) => requests.map((url) => url.searchParams.get("session"));

test("the hours of a range are those of its pages", async () => {
  const bars = new Bars("/api/market-data/share/ohlcv-1m/bars", "1m", ["1"]);
  const requests = serve(page(4, 3), page(2), page(1), page(5), page(0));
  bars.replace(await bars.loadLatest("1m"));
  bars.replace(await bars.loadAround(FIRST + 180, FIRST + 240, "1m", "regular"));
  await bars.loadOlder();
  bars.replace(await bars.loadLatest("1m", "all"));
  assert.deepEqual(listSessions(requests), [null, "regular", "regular", "regular", null]);
  assert.equal(bars.session, "all");
});

test("loaded bars are requested again in other hours", async () => {
  const bars = new Bars("/api/market-data/share/ohlcv-1m/bars", "1m", ["1"], "regular");
  serve(page(1, 0), page(2, 3));
  bars.replace(await bars.loadAround(FIRST + 60, FIRST + 120, "1m"));
  assert.equal(bars.session, "regular");
  assert.equal(await bars.loadAround(FIRST + 60, FIRST + 120, "1m"), null);
  serve(page(1), page(2));
  assert.notEqual(await bars.loadAround(FIRST + 60, FIRST + 120, "1m", "all"), null);
});

test("coverage is of the same hours", async () => {
  const requests = serve({}, {});
  for (const session of ["all", "regular"])
    await loadCoverage("/coverage", { start: FIRST, end: FIRST + 86_400 }, session);
  assert.deepEqual(listSessions(requests), [null, "regular"]);
});
