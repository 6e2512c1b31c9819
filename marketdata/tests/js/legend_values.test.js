// What the legend shows of one bar.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  describeChange,
  describeEarlier,
  describeMinutes,
  describeSpoken,
  listValues,
} from "../../static/marketdata/js/chart/legend_values.js";
import { describeProvisional } from "../../static/marketdata/js/chart/provisional.js";

const TEXT = { open: "100", high: "102.5", low: "99.75", close: "101" };
const BAR = { open: 100, high: 102.5, low: 99.75, close: 101, volume: 1234, text: TEXT };
const revision = (run, changes = {}) => ({
  ...TEXT,
  volume: 1234,
  operation: "update",
  replaced_by: run,
  brought_by: run - 1,
  ...changes,
});

test("prices have equal decimals, and the close has the colour of the bar", () => {
  const values = listValues(BAR, undefined, 2);
  assert.deepEqual(
    values.map(({ kind, label = "", text }) => `${kind} ${label}=${text}`),
    [
      "open O=100.00",
      "high H=102.50",
      "low L=99.75",
      "close up C=101.00",
      "change up =+1.00 (+1.00%) from open",
      "volume Vol=1,234",
    ],
  );
  assert.equal(listValues({ ...BAR, close: 99 }, undefined, 2)[3].kind, "close down");
});

test("the change is that from the previous close", () => {
  const change = describeChange(BAR, { close: 102 }, 2);
  assert.deepEqual(change, { kind: "change down", text: "−1.00 (−0.98%)", title: "from the previous close" });
  assert.equal(describeChange(BAR, { close: 101 }, 0).text, "+0 (+0.00%)");
});

test("a change from a price of zero or less has no percentage", () => {
  assert.equal(describeChange(BAR, { close: 0 }, 2).text, "+101.00");
  assert.equal(describeChange(BAR, { close: -2 }, 2).text, "+103.00");
});

test("a minute bar has no count of minutes", () => {
  assert.deepEqual(describeMinutes(BAR), []);
});

test("the minutes of a candle with a bar, in and outside regular hours", () => {
  const read = (count, expected, forming) => describeMinutes({ count, expected, forming }).map(({ text }) => text);
  assert.deepEqual(read(1300, 1380, false), ["1,300 of 1,380 min"]);
  assert.deepEqual(read(62, 60, false), ["62 min (60 regular)"]);
  assert.deepEqual(read(3, 0, false), ["3 min, outside regular hours"]);
  assert.deepEqual(read(2, 5, true), ["2 of 5 min", "still forming"]);
});

test("values that the next correction changed are highlighted", () => {
  const { hidden, lines } = describeEarlier([revision(2, { close: "100.5" })], BAR, 2);
  assert.equal(hidden, "");
  assert.deepEqual([lines[0].head, lines[0].foot], ["Until run 2", "(run 1)"]);
  assert.deepEqual(
    lines[0].items.map(({ kind, text }) => `${kind} ${text}`),
    ["field same 100.00", "field same 102.50", "field same 99.75", "field changed 100.50", "field same 1,234"],
  );
});

test("a revision is compared with the next one, not with the bar", () => {
  const { lines } = describeEarlier([revision(2, { close: "100" }), revision(3, { close: "100" })], BAR, 0);
  assert.deepEqual([lines[0].items[3].kind, lines[1].items[3].kind], ["field same", "field changed"]);
});

test("a removed bar highlights nothing", () => {
  const { lines } = describeEarlier([revision(2, { operation: "delete", close: "1" })], BAR, 0);
  assert.equal(lines[0].head, "Until run 2 removed it");
  assert.deepEqual(new Set(lines[0].items.map(({ kind }) => kind)), new Set(["field"]));
});

test("only the newest three revisions are listed", () => {
  const list = (count) =>
    describeEarlier(
      Array.from({ length: count }, (_, index) => revision(index + 2)),
      BAR,
      0,
    );
  assert.equal(list(3).hidden, "");
  assert.equal(list(4).hidden, "1 earlier correction");
  assert.equal(list(6).hidden, "3 earlier corrections");
  assert.deepEqual(
    list(6).lines.map(({ head }) => head),
    ["Until run 5", "Until run 6", "Until run 7"],
  );
});

test("the spoken values are exact", () => {
  const speak = (revisions) => describeSpoken(BAR, "Tue 2024-01-02", { before: [], inside: "", ...revisions });
  const values = "Tue 2024-01-02: open 100, high 102.5, low 99.75, close 101, volume 1234";
  assert.equal(speak({}), values);
  assert.equal(speak({ before: [revision(2)] }), `${values}, corrected`);
  assert.equal(speak({ inside: "2 corrected minutes inside" }), `${values}, 2 corrected minutes inside`);
});

test("a provisional bar is called so, in the legend and aloud", () => {
  const bar = { ...BAR, provisional: true };
  const { kind, text, title } = listValues(bar, undefined, 2).at(-1);
  assert.deepEqual([kind, text], ["provisional", "provisional"]);
  assert.match(title, /history has not confirmed it/);
  assert.equal(listValues(BAR, undefined, 2).at(-1).kind, "volume");
  assert.match(describeSpoken(bar, "now", { before: [], inside: "" }), /volume 1234, provisional$/);
});

test("a note names the first provisional bar", () => {
  const list = [BAR, { ...BAR, provisional: true, time: 5 }, BAR];
  assert.equal(
    describeProvisional(list, (bar) => `time ${bar.time}`),
    "Provisional since time 5: until history confirms the bars, they can change.",
  );
  assert.equal(
    describeProvisional([BAR], () => ""),
    "",
  );
});
