// Rows of a stream in the loaded bars.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Bars } from "../../static/marketdata/js/bars/bars.js";
import { createCandle } from "../../static/marketdata/js/bars/candles.js";
import { findShift, mergeRows } from "../../static/marketdata/js/stream/merge.js";
import { utc } from "./server.js";

const FIRST = utc("2024-01-02 14:30");
let bars;

const row = (minute, values = {}) => ({
  ts: new Date((FIRST + minute * 60) * 1000).toISOString(),
  ...{ open: "1.5", high: "2", low: "1", close: "1.75", volume: 3, run_id: 1, provisional: false },
  ...values,
});
const removed = (minute) => ({ ts: row(minute).ts, removed: true });
const listMinutes = (list = bars.list) => list.map((bar) => (bar.stamp - FIRST) / 60);

function load(minutes, edges = {}) {
  const list = minutes.map((minute) => createCandle(row(minute), false));
  bars.replace({ timeframe: "1m", session: "all", list, hasOlder: true, hasNewer: false, ...edges });
}

beforeEach(() => {
  bars = new Bars("/api/market-data/mnq/ohlcv-1m/bars", "1m", ["0.25"]);
  load([0, 1, 3]);
});

test("a new bar is appended", () => {
  assert.deepEqual(mergeRows(bars, [row(4)]), { earliest: FIRST + 240, isAtEnd: true });
  assert.deepEqual(listMinutes(), [0, 1, 3, 4]);
  assert.equal(bars.at(FIRST + 240), bars.last);
});

test("the forming candle is replaced", () => {
  assert.deepEqual(mergeRows(bars, [row(3, { close: "1.9", forming: true })]), {
    earliest: FIRST + 180,
    isAtEnd: true,
  });
  assert.deepEqual([bars.last.close, bars.last.forming, bars.list.length], [1.9, true, 3]);
});

test("a late bar is inserted, a correction replaces its bar, and a removed bar vanishes", () => {
  const changed = mergeRows(bars, [row(2), row(1, { volume: 9 }), removed(0)]);
  assert.deepEqual(changed, { earliest: FIRST, isAtEnd: false });
  assert.deepEqual(listMinutes(), [1, 2, 3]);
  assert.equal(bars.list[0].volume, 9);
});

test("repeated events change nothing", () => {
  assert.equal(mergeRows(bars, [row(3), removed(2)]), null);
});

test("a bar that history confirms is no longer provisional", () => {
  mergeRows(bars, [row(4, { provisional: true })]);
  assert.equal(bars.last.provisional, true);
  assert.notEqual(mergeRows(bars, [row(4)]), null);
  assert.equal(bars.last.provisional, false);
});

test("the last of several events about a bar counts", () => {
  mergeRows(bars, [row(4), removed(4), row(4, { volume: 5 }), removed(3)]);
  assert.deepEqual(listMinutes(), [0, 1, 4]);
  assert.equal(bars.last.volume, 5);
});

test("bars outside the loaded range are ignored", () => {
  load([10, 11], { hasNewer: true });
  assert.equal(mergeRows(bars, [row(9), row(12)]), null);
  mergeRows(bars, [removed(10)]);
  assert.deepEqual(listMinutes(), [11]);
});

test("a series that is loaded from its start gets earlier bars", () => {
  load([10, 11], { hasOlder: false });
  mergeRows(bars, [row(9), row(8)]);
  assert.deepEqual(listMinutes(), [8, 9, 10, 11]);
});

test("all bars can be removed", () => {
  mergeRows(bars, [removed(0), removed(1), removed(3)]);
  assert.deepEqual(listMinutes(), []);
});

test("a day is at its trading date", () => {
  const day = (date, values) => ({ ...row(0), ts: `${date}T23:00:00Z`, session_date: "2024-01-03", ...values });
  bars.replace({ timeframe: "1d", list: [createCandle(day("2024-01-02"), true)], hasOlder: true, hasNewer: false });
  mergeRows(bars, [
    day("2024-01-02", { close: "1.5", bar_count: 5 }),
    day("2024-01-03", { session_date: "2024-01-04" }),
  ]);
  assert.deepEqual(
    bars.list.map((bar) => bar.time),
    [utc("2024-01-03 00:00"), utc("2024-01-04 00:00")],
  );
  assert.equal(bars.list[0].count, 5);
});

test("more decimals are shown once a price has them", () => {
  mergeRows(bars, [row(4, { close: "1.7501" })]);
  assert.equal(bars.decimals, 4);
});

test("a visible range moves with its bars", () => {
  const before = bars.list;
  mergeRows(bars, [row(2)]);
  assert.equal(findShift(before, bars.list, 0), 0);
  assert.equal(findShift(before, bars.list, 2), 1);
  mergeRows(bars, [removed(0)]);
  assert.equal(findShift(before, bars.list, 1), -1);
  assert.equal(findShift([], bars.list, 0), 0);
});

test("a thousand events are merged at once", () => {
  mergeRows(
    bars,
    Array.from({ length: 1000 }, (_, number) => row(1000 - number)),
  );
  assert.deepEqual(listMinutes(), [0, ...Array.from({ length: 1000 }, (_, number) => number + 1)]);
});
