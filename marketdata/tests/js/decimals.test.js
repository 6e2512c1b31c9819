import assert from "node:assert/strict";
import { test } from "node:test";
import { countDecimals, padDecimals } from "../../static/marketdata/js/bars/decimals.js";
import { findStep } from "../../static/marketdata/js/chart/price_step.js";

test("decimals of exact prices are counted in their text", () => {
  assert.deepEqual(["16800", "16800.25", "-0.000000001", ""].map(countDecimals), [0, 2, 9, 0]);
});

test("prices are padded to equal decimals, and not changed otherwise", () => {
  assert.equal(padDecimals("16800", 2), "16800.00");
  assert.equal(padDecimals("-0.5", 3), "-0.500");
  assert.equal(padDecimals("16800", 0), "16800");
  assert.equal(padDecimals("9007199254740993.1", 2), "9007199254740993.10"); // more digits than a Number has
});

test("the axis uses the tick if the library can snap to it", () => {
  assert.deepEqual(
    [0.25, 0.03125, 0.1, 1].map((tick) => findStep(tick, 3)),
    [0.25, 0.03125, 0.1, 1],
  );
  assert.equal(findStep(0, 2), 0.01);
  assert.equal(findStep(0.3, 1), 0.1);
});
