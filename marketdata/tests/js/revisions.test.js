// Revisions of the loaded range: what is requested, and what is counted in each candle.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Bars } from "../../static/marketdata/js/bars/bars.js";
import { Revisions } from "../../static/marketdata/js/bars/revisions.js";
import { serve, utc } from "./server.js";

const FIRST = utc("2024-01-02 14:30");
const iso = (minute) => new Date((FIRST + minute * 60) * 1000).toISOString();
const revision = (minute, run) => ({ ts: iso(minute), replaced_by: run });
const page = (found, cursor = null) => ({ revisions: found, next_cursor: cursor });
const EMPTY = page([]);

let bars;
let revisions;

beforeEach(() => {
  bars = new Bars("/api/market-data/mnq/ohlcv-1m/bars", "1m", ["0.25"]);
  revisions = new Revisions("/api/market-data/mnq/ohlcv-1m/bars", bars);
});

/** Load bars at these minutes, each as long as the timeframe. */
function load(timeframe, ...minutes) {
  const list = minutes.map((minute) => {
    const time = FIRST + minute * 60;
    return { stamp: time, time, text: { open: "1", high: "1", low: "1", close: "1" } };
  });
  bars.replace({ timeframe, list, hasOlder: false, hasNewer: false });
}

const getRange = (url) => ["start", "end"].map((name) => (utc(url.searchParams.get(name).slice(0, 16)) - FIRST) / 60);

test("revisions of one minute are ordered from old to new", async () => {
  load("1m", 0, 1);
  const requests = serve(page([revision(1, 4), revision(0, 3), revision(0, 2)])); // newest minutes first
  assert.equal(await revisions.load(), true);
  assert.equal(requests[0].pathname, "/api/market-data/mnq/ohlcv-1m/revisions");
  assert.deepEqual(getRange(requests[0]), [0, 2]);
  const { before, inside } = revisions.describe(bars.first);
  assert.deepEqual([before.map((one) => one.replaced_by), inside], [[2, 3], ""]);
  assert.deepEqual(revisions.count(), [FIRST, FIRST + 60]);
});

test("only the new ends of an extended range are requested", async () => {
  load("1m", 5, 6);
  serve(EMPTY);
  await revisions.load();
  assert.equal(await revisions.load(), false);
  load("1m", 4, 5, 6, 7);
  const requests = serve(EMPTY, EMPTY);
  assert.equal(await revisions.load(), true);
  assert.deepEqual(requests.map(getRange), [
    [7, 8],
    [4, 5],
  ]);
});

test("a range apart from the known one is requested completely", async () => {
  load("1m", 5, 6);
  serve(page([revision(5, 2)]));
  await revisions.load();
  load("1m", 100, 101);
  const requests = serve(EMPTY);
  await revisions.load();
  assert.deepEqual(requests.map(getRange), [[100, 102]]);
  assert.deepEqual(revisions.count(), []);
});

test("an invalidated end is requested again", async () => {
  load("1m", 5, 6);
  serve(EMPTY);
  await revisions.load();
  revisions.invalidate(bars.last.stamp);
  const requests = serve(page([revision(6, 3)]));
  await revisions.load();
  assert.deepEqual(requests.map(getRange), [[6, 7]]);
  assert.deepEqual(revisions.count(), [bars.last.time]);
});

test("longer candles count their corrected minutes", async () => {
  load("5m", 0, 5, 10);
  serve(page([revision(9, 3), revision(7, 3), revision(1, 2)]));
  await revisions.load();
  revisions.count();
  assert.deepEqual(
    bars.list.map((bar) => revisions.describe(bar)),
    ["1 corrected minute inside", "2 corrected minutes inside", ""].map((inside) => ({ before: [], inside })),
  );
});

test("too many revisions leave a part that is not counted", async () => {
  load("5m", 0, 5, 10);
  const requests = serve(...[14, 13, 12, 11, 8].map((minute) => page([revision(minute, 2)], `after ${minute}`)));
  await revisions.load();
  revisions.count();
  assert.equal(requests.length, 5);
  assert.deepEqual(
    requests.slice(0, 2).map((url) => url.searchParams.get("cursor")),
    [null, "after 14"],
  );
  // Minute 8 may have more revisions than the last page has.
  assert.equal(revisions.cut, FIRST + 9 * 60);
  assert.deepEqual(
    bars.list.map((bar) => revisions.describe(bar).inside),
    ["corrected minutes not counted", "corrected minutes not counted", "4 corrected minutes inside"],
  );
});

test("a candle that is partly counted has at least so many", async () => {
  load("5m", 0, 5);
  serve(...[9, 8, 7, 7, 6].map((minute) => page([revision(minute, 2)], "more")));
  await revisions.load();
  revisions.count();
  assert.equal(revisions.describe(bars.last).inside, "at least 3 corrected minutes inside");
});

test("after an error the same range is requested again", async () => {
  load("1m", 0);
  serve(new Error("offline"));
  await assert.rejects(revisions.load(), /cannot be reached/);
  const requests = serve(EMPTY);
  assert.equal(await revisions.load(), true);
  assert.deepEqual(requests.map(getRange), [[0, 1]]);
});
