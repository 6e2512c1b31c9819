// Findings of the loaded range: what is requested, where they are on the chart, and on which days.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Bars } from "../../static/marketdata/js/bars/bars.js";
import { chooseSigns, fitBand } from "../../static/marketdata/js/chart/bands.js";
import { Findings } from "../../static/marketdata/js/quality/findings.js";
import {
  countBetween,
  findSpan,
  formatFindings,
  isVisible,
  placeFindings,
  readFinding,
} from "../../static/marketdata/js/quality/spans.js";
import { serve, utc } from "./server.js";

const FIRST = utc("2024-01-02 14:30");
const iso = (minute) => new Date((FIRST + minute * 60) * 1000).toISOString();
const answer = (id, start, end, more = {}) => ({
  id,
  kind: "volume_zero",
  severity: "error",
  series: "mnq",
  state: "open",
  text: "Bars without volume.",
  start: iso(start),
  end: iso(end),
  ...more,
});
const page = (findings, cursor = null) => ({ findings, next_cursor: cursor });

let bars;
let findings;
let time;

beforeEach(() => {
  time = 0;
  bars = new Bars("/api/market-data/mnq/ohlcv-1m/bars", "1m", ["0.25"]);
  findings = new Findings("/api/quality/findings/", "mnq", bars, () => time);
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

test("the unresolved findings of the loaded bars are requested in pages", async () => {
  load([0, 1], { hasOlder: true, hasNewer: true });
  const requests = serve(page([answer(9, 0, 1)], 9), page([answer(3, 1, 2)]));
  await findings.load();
  const query = Object.fromEntries(requests[0].searchParams);
  assert.deepEqual([query.series, query.state], ["mnq", "unresolved"]);
  assert.deepEqual([utc(query.start.slice(0, 16)), utc(query.end.slice(0, 16))], [FIRST, FIRST + 120]);
  assert.equal(requests[1].searchParams.get("cursor"), "9");
  assert.deepEqual(
    findings.list.map(({ id, kind }) => [id, kind]),
    [
      [9, "volume zero"],
      [3, "volume zero"],
    ],
  );
});

test("at the ends of the series the request has none", async () => {
  load([0, 1]);
  const requests = serve(page([]));
  await findings.load();
  assert.deepEqual(
    ["start", "end"].map((name) => requests[0].searchParams.get(name)),
    [null, null],
  );
});

test("what is known is requested again after a minute, and a range beyond it at once", async () => {
  load([0, 1], { hasOlder: true, hasNewer: true });
  const requests = serve(page([]), page([]), page([]));
  await findings.load();
  await findings.load();
  assert.equal(requests.length, 1);
  load([0, 1, 2], { hasOlder: true, hasNewer: true });
  await findings.load();
  assert.equal(requests.length, 2);
  time = 61;
  await findings.load();
  assert.equal(requests.length, 3);
});

test("after an error the next drawing requests the findings again", async () => {
  load([0, 1]);
  const requests = serve(new Error("offline"), page([answer(1, 0, 1)]));
  await assert.rejects(findings.load(), { message: "The server cannot be reached." });
  await findings.load();
  assert.deepEqual([requests.length, findings.list.length], [2, 1]);
});

test("a chosen finding stays on the list, also a resolved one, and only once", async () => {
  let changes = 0;
  findings.onChange = () => {
    changes += 1;
  };
  load([0, 1]);
  const requests = serve(answer(7, 0, 1, { state: "resolved" }), page([answer(1, 1, 2)]));
  await findings.open("7");
  assert.equal(requests[0].pathname, "/api/quality/findings/7/");
  await findings.load();
  assert.deepEqual(
    findings.list.map(({ id }) => id),
    [7, 1],
  );
  findings.choose(findings.unresolved[0]);
  assert.deepEqual(
    findings.list.map(({ id }) => id),
    [1],
  );
  findings.choose(null);
  assert.deepEqual([findings.list.length, changes], [1, 4]);
});

test("a finding of another series is refused", async () => {
  serve(answer(7, 0, 1, { series: "es" }));
  await assert.rejects(findings.open("7"), { message: "Finding 7 is not one of this series." });
  assert.equal(findings.chosen, null);
});

test("a band without bars is a line, and signs do not cover each other", () => {
  assert.deepEqual(fitBand(10, 10), { left: 8.5, width: 3 });
  assert.deepEqual(fitBand(10, 50), { left: 10, width: 40 });
  const band = (left, isChosen = false) => ({ left, width: 3, sign: 16, isChosen });
  const list = [band(0), band(5), band(30), band(33, true)];
  assert.deepEqual(chooseSigns(list), [list[0], list[2], list[3]]);
});
