// Coverage of a day: the level of its colour, and its text.

import assert from "node:assert/strict";
import { test } from "node:test";
import { describeDay, describeMeasure, findLevel, hasBegun } from "../../static/marketdata/js/coverage/measures.js";

const CALENDAR = { calendar: "CME Globex Equity", usual_bars: null };
const USUAL = { calendar: "", usual_bars: 1000 };
const UNKNOWN = { calendar: "", usual_bars: null };

const open = (count, expected) => ({ bars: count, open_bars: count, expected_by_now: expected });

test("levels by the share of the open minutes", () => {
  const levels = [0, 1, 499, 500, 799, 800, 979, 980, 1000].map((count) => findLevel(open(count, 1000), CALENDAR));
  assert.deepEqual(
    levels,
    ["0", "1", "1", "2", "2", "3", "3", "4", "4"].map((level) => `heat-${level}`),
  );
});

test("a day whose bars history has not confirmed is called provisional", () => {
  const day = { ...open(99, 100), bars: 99, provisional: true };
  assert.equal(describeDay(day, CALENDAR), "99 of 100 minutes, provisional");
  assert.equal(describeDay({ ...day, verdict: "missing" }, CALENDAR), "99 of 100 minutes, missing, provisional");
});

test("a closed day has no level", () => {
  assert.equal(findLevel({ bars: 3, open_bars: 0, expected_by_now: 0 }, CALENDAR), "heat-closed");
});

test("without a calendar the measure is a usual day, or 1,440 minutes", () => {
  assert.equal(findLevel({ bars: 980, expected: 1440 }, USUAL), "heat-4");
  assert.equal(findLevel({ bars: 980, expected: 1440 }, UNKNOWN), "heat-2");
});

test("without a calendar a day in which the data begin or end is compared with its part", () => {
  assert.equal(findLevel({ bars: 490, expected: 500 }, USUAL), "heat-4");
  assert.equal(findLevel({ bars: 490, expected: 500 }, UNKNOWN), "heat-4");
  assert.equal(describeDay({ bars: 490, expected: 500 }, USUAL), "490 bars of 500 minutes");
});

test("a day outside the data is neither missing nor closed", () => {
  const day = { bars: 0, open_bars: 0, expected: 0, expected_by_now: 0, outside_data: true };
  for (const coverage of [CALENDAR, USUAL, UNKNOWN]) {
    assert.equal(findLevel(day, coverage), "heat-outside");
    assert.equal(describeDay(day, coverage), "outside the data");
  }
  assert.equal(hasBegun(day), true);
});

test("a day before its opening has not begun", () => {
  assert.equal(hasBegun({ bars: 0, expected_by_now: 0, outside_data: false }), false);
  assert.equal(hasBegun({ bars: 0, expected_by_now: 1 }), true);
  assert.equal(hasBegun({ bars: 1, expected_by_now: 0 }), true);
});

test("the text of a day with a calendar", () => {
  assert.equal(describeDay(open(1379, 1380), CALENDAR), "1,379 of 1,380 minutes");
  assert.equal(describeDay({ ...open(5, 10), forming: true }, CALENDAR), "5 of 10 minutes so far");
  assert.equal(
    describeDay({ bars: 1, open_bars: 0, outside_session: 1, expected_by_now: 0 }, CALENDAR),
    "1 bar while closed",
  );
  const both = { bars: 12, open_bars: 10, outside_session: 2, expected_by_now: 10 };
  assert.equal(describeDay(both, CALENDAR), "10 of 10 minutes, 2 bars while closed");
  const extended = { ...both, bars: 15, extended_bars: 3 };
  assert.equal(describeDay(extended, CALENDAR), "10 of 10 minutes, 3 bars in extended hours, 2 bars while closed");
});

test("the text of a day without a calendar", () => {
  assert.equal(describeDay({ bars: 0 }, USUAL), "no bars");
  assert.equal(describeDay({ bars: 999, expected: 1440 }, USUAL), "999 bars, 99% of a usual day");
  assert.equal(
    describeDay({ bars: 1, expected: 1440, forming: true }, UNKNOWN),
    "1 bar of 1,440 minutes, not over yet",
  );
});

test("the text on the measure", () => {
  assert.equal(describeMeasure(CALENDAR), "Open minutes with a bar, by trading day of CME Globex Equity:");
  const share = { calendar: "NYSE", usual_bars: null };
  for (const [session, hours] of [
    ["all", "all hours"],
    ["regular", "regular hours"],
  ])
    assert.equal(
      describeMeasure({ ...share, session }, true),
      `Open minutes with a bar, by trading day of NYSE (${hours}):`,
    );
  assert.equal(describeMeasure(USUAL), "Bars by UTC day, of 1,000 on a usual day (median of the upper half):");
  assert.equal(describeMeasure(UNKNOWN), "Bars by UTC day, of 1,440 minutes:");
});
