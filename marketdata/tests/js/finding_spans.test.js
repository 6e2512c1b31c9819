// Where findings are on the chart, and on which days.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Bars } from "../../static/marketdata/js/bars/bars.js";
import { Bands, chooseSigns, fitBand } from "../../static/marketdata/js/chart/bands.js";
import {
  countBetween,
  findSpan,
  formatFindings,
  isVisible,
  placeFindings,
  readFinding,
} from "../../static/marketdata/js/quality/spans.js";
import { utc } from "./server.js";

const FIRST = utc("2024-01-02 14:30");
const iso = (minute) => new Date((FIRST + minute * 60) * 1000).toISOString();
const answer = (id, start, end) => ({ id, kind: "spike", start: iso(start), end: iso(end) });

let bars;

beforeEach(() => {
  bars = new Bars("/api/market-data/mnq/ohlcv-1m/bars", "1m", ["0.25"]);
});

/** Load bars at these minutes, each as long as the timeframe. */
function load(minutes, { timeframe = "1m", hasOlder = false, hasNewer = false } = {}) {
  const list = minutes.map((minute) => {
    const stamp = FIRST + minute * 60;
    return { stamp, time: stamp, text: { open: "1", high: "1", low: "1", close: "1" } };
  });
  bars.replace({ timeframe, list, hasOlder, hasNewer });
}

const span = (start, end) => findSpan(readFinding(answer(1, start, end)), bars);

test("a finding spans the bars in it, without the end", () => {
  load([0, 1, 2, 3, 4]);
  assert.deepEqual(span(1, 3), { from: 0.5, to: 2.5 });
  assert.deepEqual(span(4, 5), { from: 3.5, to: 4.5 });
  assert.deepEqual(span(-9, 99), { from: -0.5, to: 4.5 });
  load([0, 5, 10], { timeframe: "5m" });
  assert.deepEqual(span(7, 8), { from: 0.5, to: 1.5 });
});

test("minutes without bars are between the bars beside them", () => {
  load([0, 1, 7, 8]);
  assert.deepEqual(span(2, 7), { from: 1.5, to: 1.5 });
  assert.deepEqual(span(1, 7), { from: 0.5, to: 1.5 });
});

test("a finding outside of what is loaded is at an end only where the series ends", () => {
  load([0, 1]);
  assert.deepEqual(span(5, 9), { from: 1.5, to: 1.5 }); // silence
  assert.deepEqual(span(-9, -5), { from: -0.5, to: -0.5 });
  load([0, 1], { hasOlder: true, hasNewer: true });
  assert.deepEqual([span(5, 9), span(-9, -5)], [null, null]);
  assert.deepEqual(span(1, 9), { from: 0.5, to: 1.5 });
  load([]);
  assert.equal(span(0, 1), null);
});

test("findings are placed by time, and are visible if a part of them is", () => {
  load([0, 1, 2, 3]);
  const placed = placeFindings([answer(2, 3, 4), answer(1, 0, 2)].map(readFinding), bars);
  assert.deepEqual(
    placed.map(({ finding }) => finding.id),
    [1, 2],
  );
  const visible = (range) => placed.filter((one) => isVisible(one.span, range)).map(({ finding }) => finding.id);
  assert.deepEqual(
    [visible({ from: 0, to: 9 }), visible({ from: 2.6, to: 9 }), visible({ from: 5, to: 9 })],
    [[1, 2], [2], []],
  );
});

test("days count the findings that overlap them", () => {
  const list = [answer(1, 0, 60), answer(2, 30, 31)].map(readFinding);
  const at = (minute) => FIRST + minute * 60;
  assert.equal(countBetween(list, at(30), at(40)), 2);
  assert.equal(countBetween(list, at(31), at(40)), 1);
  assert.equal(countBetween(list, at(60), at(90)), 0); // the end is not included
  assert.deepEqual([formatFindings(1), formatFindings(1200)], ["1 finding", "1,200 findings"]);
});

test("a band without bars is a line, and signs do not cover each other", () => {
  assert.deepEqual(fitBand(10, 10), { left: 8.5, width: 3 });
  assert.deepEqual(fitBand(10, 50), { left: 10, width: 40 });
  const band = (left, isChosen = false) => ({ left, width: 3, sign: 16, isChosen });
  const list = [band(0), band(5), band(30), band(33, true)];
  assert.deepEqual(chooseSigns(list), [list[0], list[2], list[3]]);
});

test("bands are between whole bars, since the library places no others", () => {
  const bands = new Bands({ logicalToCoordinate: (index) => (Number.isInteger(index) ? index * 10 : 0) });
  load([0, 1, 2, 3]);
  const spike = { ...readFinding(answer(1, 2, 3)), severity: "error", state: "resolved" };
  bands.mark(placeFindings([spike], bars), spike);
  const [{ left, width, isChosen, isResolved }] = bands.place(100);
  assert.deepEqual([left, width, isChosen, isResolved], [15, 10, true, true]);
  assert.deepEqual(bands.place(14), []); // right of the chart
});
