// Findings of the loaded range: what is requested, and which one the address names.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Bars } from "../../static/marketdata/js/bars/bars.js";
import { Findings } from "../../static/marketdata/js/quality/findings.js";
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
const page = (found, cursor = null) => ({ findings: found, next_cursor: cursor });

let bars;
let findings;
let time;

beforeEach(() => {
  time = 0;
  bars = new Bars("/api/market-data/mnq/ohlcv-1m/bars", "1m", ["0.25"]);
  findings = new Findings("/api/quality/findings", "mnq", bars, () => time);
});

/** Load bars at these minutes, each as long as the timeframe. */
function load(minutes, { timeframe = "1m", hasOlder = false, hasNewer = false } = {}) {
  const list = minutes.map((minute) => {
    const stamp = FIRST + minute * 60;
    return { stamp, time: stamp, text: { open: "1", high: "1", low: "1", close: "1" } };
  });
  bars.replace({ timeframe, list, hasOlder, hasNewer });
}

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
  assert.equal(requests[0].pathname, "/api/quality/findings/7");
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
