// Dates and weeks of the heat map.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  DAY,
  findNeighbour,
  findWindow,
  formatDate,
  getWeekday,
  shiftWindow,
  toMidnight,
} from "../../static/marketdata/js/coverage/weeks.js";

const at = toMidnight;

test("weeks start on Monday", () => {
  assert.deepEqual(
    ["2024-01-01", "2024-01-07", "1969-12-31"].map((day) => getWeekday(at(day))),
    [0, 6, 2],
  );
  assert.equal(formatDate(at("2026-11-18")), "Wed 18 Nov 2026");
});

test("a window has whole weeks, and no weeks before the first day", () => {
  assert.deepEqual(findWindow(at("2024-01-03"), at("2023-12-28")), { start: at("2023-12-25"), end: at("2024-01-08") });
  const { start, end } = findWindow(at("2024-01-03"), at("2000-01-01"));
  assert.equal((end - start) / DAY, 52 * 7);
});

test("windows follow one another without a gap", () => {
  const last = findWindow(at("2024-01-03"), at("2000-01-01"));
  const before = shiftWindow(last, -1, at("2000-01-01"));
  assert.equal(before.end, last.start);
  assert.deepEqual(shiftWindow(before, 1, at("2000-01-01")), last);
});

test("arrow keys skip dates that are not listed", () => {
  const dates = ["2024-01-04", "2024-01-05", "2024-01-08", "2024-01-12", "2024-01-15"].map(at);
  const move = (from, key) => findNeighbour(dates, at(from), key);
  assert.equal(move("2024-01-08", "ArrowUp"), at("2024-01-05"));
  assert.equal(move("2024-01-05", "ArrowDown"), at("2024-01-08"));
  assert.equal(move("2024-01-12", "ArrowLeft"), at("2024-01-05"));
  assert.equal(move("2024-01-08", "ArrowRight"), at("2024-01-15"));
  assert.equal(move("2024-01-08", "Home"), at("2024-01-04"));
  assert.equal(move("2024-01-08", "End"), at("2024-01-15"));
});

test("at the edge an arrow key does not move, and other keys are not handled", () => {
  const dates = ["2024-01-04", "2024-01-05"].map(at);
  assert.equal(findNeighbour(dates, dates[0], "ArrowUp"), dates[0]);
  assert.equal(findNeighbour(dates, dates[1], "ArrowRight"), dates[1]);
  assert.equal(findNeighbour(dates, dates[0], "a"), undefined);
});
