// The loaded range: how pages are joined, and which candle contains a moment.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Bars } from "../../static/marketdata/js/bars/bars.js";
import { delay, serve, utc } from "./server.js";

const FIRST = utc("2024-01-02 14:30");
let bars;

beforeEach(() => {
  bars = new Bars("/api/market-data/mnq/ohlcv-1m/bars", "1m", ["0.25"]);
});

const answer = (bar) => ({ open: "1.5", high: "2", low: "1", close: "1.75", volume: 3, run_id: 1, ...bar });

/** One page of minute bars, in the order of the request. */
function page(minutes, { more = false, ...values } = {}) {
  const found = minutes.map((minute) =>
    answer({ ts: new Date((FIRST + minute * 60) * 1000).toISOString(), ...values }),
  );
  return { bars: found, next_cursor: more ? "next" : null };
}

const listMinutes = () => bars.list.map((bar) => (bar.stamp - FIRST) / 60);

async function load(...pages) {
  serve(...pages);
  bars.replace(await (pages.length === 1 ? bars.loadLatest("1m") : bars.loadAround(FIRST + 120, FIRST + 240, "1m")));
}

test("the latest bars come newest first and are stored oldest first", async () => {
  await load(page([5, 4, 3], { more: true }));
  assert.deepEqual(listMinutes(), [3, 4, 5]);
  assert.deepEqual([bars.hasOlder, bars.hasNewer], [true, false]);
});

test("a range around a moment joins the bars before and after it", async () => {
  const requests = serve(page([1, 0]), page([2, 3], { more: true }));
  bars.replace(await bars.loadAround(FIRST + 120, FIRST + 240, "1m"));
  assert.deepEqual(listMinutes(), [0, 1, 2, 3]);
  assert.deepEqual([bars.hasOlder, bars.hasNewer], [false, true]);
  assert.deepEqual(
    requests.map((url) => [url.searchParams.get("order"), url.searchParams.get("end"), url.searchParams.get("start")]),
    [
      ["desc", "2024-01-02T14:32:00+00:00", null],
      ["asc", null, "2024-01-02T14:32:00+00:00"],
    ],
  );
});

test("a loaded range is not requested again", async () => {
  await load(page([1, 0]), page([2, 3, 4]));
  assert.equal(await bars.loadAround(FIRST + 60, FIRST + 180, "1m"), null);
  serve(page([]), page([]));
  assert.notEqual(await bars.loadAround(FIRST + 60, FIRST + 180, "5m"), null);
});

test("older and newer pages extend the range at its ends", async () => {
  await load(page([4], { more: true }), page([5], { more: true }));
  const requests = serve(page([3, 2]), page([6, 7]));
  assert.equal(await bars.loadOlder(), true);
  assert.equal(await bars.loadNewer(), true);
  assert.deepEqual(listMinutes(), [2, 3, 4, 5, 6, 7]);
  assert.equal(bars.byTime.get(FIRST + 7 * 60), 5);
  assert.equal(requests[0].searchParams.get("end"), "2024-01-02T14:34:00+00:00");
  assert.equal(requests[1].searchParams.get("start"), "2024-01-02T14:36:00+00:00");
  assert.deepEqual([await bars.loadOlder(), await bars.loadNewer(), requests.length], [false, false, 2]);
});

test("a refresh replaces the last bar and appends the next ones", async () => {
  await load(page([1, 0]));
  serve(page([1, 2], { volume: 9 }));
  assert.equal(await bars.refresh(), true);
  assert.deepEqual(listMinutes(), [0, 1, 2]);
  assert.deepEqual(
    bars.list.map((bar) => bar.volume),
    [3, 9, 9],
  );
});

test("a refresh without bars changes nothing", async () => {
  await load(page([1, 0]));
  serve(page([]));
  assert.equal(await bars.refresh(), false);
  assert.deepEqual(listMinutes(), [0, 1]);
});

test("one page is loaded at a time", async () => {
  await load(page([4], { more: true }), page([5], { more: true }));
  const { sent, send } = delay(page([3]));
  serve(sent);
  const first = bars.loadOlder();
  assert.equal(await bars.loadNewer(), false);
  send();
  assert.equal(await first, true);
});

test("a page of a replaced range is dropped", async () => {
  await load(page([4], { more: true }), page([5]));
  const { sent, send } = delay(page([3]));
  serve(sent);
  const pending = bars.loadOlder();
  bars.replace({ timeframe: "1m", list: [], hasOlder: false, hasNewer: false });
  send();
  assert.equal(await pending, false);
  assert.deepEqual(listMinutes(), []);
});

test("after an error the next page can be requested", async () => {
  await load(page([4], { more: true }), page([5]));
  serve(new Error("offline"), page([3]));
  await assert.rejects(bars.loadOlder(), /cannot be reached/);
  assert.equal(await bars.loadOlder(), true);
});

test("a candle contains the moments up to its end or the next candle", async () => {
  await load(page([0, 1, 5].reverse()));
  const find = (seconds) => [bars.findContaining(FIRST + seconds), bars.findAt(FIRST + seconds)];
  assert.deepEqual([-1, 0, 59, 60, 120, 299, 300, 360].map(find), [
    [undefined, 0],
    [0, 0],
    [0, 0],
    [1, 1],
    [undefined, 2],
    [undefined, 2],
    [2, 2],
    [undefined, 2],
  ]);
  assert.equal(bars.overlaps(1, FIRST + 120, FIRST + 300), false);
  assert.equal(bars.overlaps(1, FIRST + 119, FIRST + 300), true);
});

test("days are drawn at their trading date", async () => {
  const day = answer({ ts: "2024-01-01T23:00:00Z", session_date: "2024-01-02", bar_count: 5, expected: 1380 });
  const requests = serve({ bars: [day], next_cursor: null });
  bars.replace(await bars.loadLatest("1d"));
  assert.equal(requests[0].pathname, "/api/market-data/mnq/ohlcv-1d/bars");
  assert.equal(bars.bySession, true);
  assert.deepEqual([bars.last.time, bars.last.stamp], [utc("2024-01-02 00:00"), utc("2024-01-01 23:00")]);
});

test("decimals never become fewer", async () => {
  assert.equal(bars.decimals, 2);
  await load(page([0], { close: "1.03125" }));
  assert.equal(bars.decimals, 5);
  await load(page([0], { close: "1" }));
  assert.equal(bars.decimals, 5);
});
