// Pages of the API as candles: provisional bars, and a range that is loaded again.

import assert from "node:assert/strict";
import { test } from "node:test";
import { loadPage } from "../../static/marketdata/js/bars/candles.js";
import { loadAgain } from "../../static/marketdata/js/bars/reload.js";
import { serve, utc } from "./server.js";

const ADDRESS = "/api/market-data/mnq/ohlcv-1m/bars";
const FIRST = utc("2024-01-02 14:30");
const iso = (minute) => new Date((FIRST + minute * 60) * 1000).toISOString();
const row = (minute) => ({ ts: iso(minute), open: "1", high: "2", low: "1", close: "1.5", volume: 3, run_id: 1 });
const page = (minutes, more = false) => ({ bars: minutes.map(row), next_cursor: more ? "next" : null });
const at = (minute) => ({ stamp: FIRST + minute * 60 });
const range = (values) => ({
  ...{ address: ADDRESS, timeframe: "1m", session: "all", hasOlder: true, hasNewer: false, first: at(0), last: at(3) },
  ...values,
});
const listStarts = (requests) => requests.map((url) => url.searchParams.get("start"));

test("bars within the ranges of a page are provisional", async () => {
  const ranges = [
    { start: iso(1), end: iso(2) },
    { start: iso(3), end: iso(9) },
  ];
  serve({ ...page([0, 1, 2, 3, 4]), provisional: ranges });
  const { bars } = await loadPage(ADDRESS, "1m", "all", {});
  assert.deepEqual(
    bars.map((bar) => bar.provisional),
    [false, true, false, true, true],
  );
});

test("a server without the ranges has no provisional bars", async () => {
  serve(page([0]));
  assert.equal((await loadPage(ADDRESS, "1m", "all", {})).bars[0].provisional, false);
});

test("a range is loaded again from its first bar to the end of the series", async () => {
  const requests = serve(page([0, 1], true), page([2, 5]));
  const { list, hasOlder, hasNewer } = await loadAgain(range());
  assert.deepEqual(
    list.map((bar) => bar.stamp),
    [0, 1, 2, 5].map((minute) => at(minute).stamp),
  );
  assert.deepEqual([hasOlder, hasNewer], [true, false]);
  assert.deepEqual(listStarts(requests), ["2024-01-02T14:30:00+00:00", "2024-01-02T14:32:00+00:00"]);
});

test("a series that is loaded from its start may have earlier bars now", async () => {
  const requests = serve(page([-5, 0]));
  const { list } = await loadAgain(range({ hasOlder: false }));
  assert.deepEqual([list.length, listStarts(requests)], [2, [null]]);
});

test("a range in the middle is not loaded beyond its last bar", async () => {
  const requests = serve(page([0, 1, 2, 3], true));
  const { hasNewer } = await loadAgain(range({ hasNewer: true }));
  assert.deepEqual([hasNewer, requests.length], [true, 1]);
});

test("a range whose bars were all removed is empty", async () => {
  serve(page([]));
  assert.deepEqual((await loadAgain(range())).list, []);
});
