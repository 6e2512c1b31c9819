// The visible range stays within the loaded bars and a small space after the last.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { ROOM, Viewport } from "../../static/marketdata/js/chart/viewport.js";

let range;
let options;
let bars;
let viewport;

beforeEach(() => {
  options = {};
  bars = { list: Array.from({ length: 1000 }) };
  const scale = {
    width: () => 700,
    subscribeSizeChange: () => undefined,
    subscribeVisibleLogicalRangeChange: () => undefined,
    applyOptions: (changes) => Object.assign(options, changes),
    getVisibleLogicalRange: () => range,
    setVisibleLogicalRange: (next) => {
      range = next;
    },
  };
  viewport = new Viewport(scale, bars, { clientWidth: 772 });
});

test("the latest bars are seven pixels wide", () => {
  viewport.showLatest();
  assert.deepEqual(range, { from: 999 + ROOM - 100, to: 999 + ROOM });
});

test("a range ends before the space after the last bar does", () => {
  viewport.show(950, 1100);
  assert.deepEqual(range, { from: 999 + ROOM - 156, to: 999 + ROOM });
  viewport.show(-60, 60);
  assert.equal(range.from, 0);
});

test("few bars are not wider than 48 pixels", () => {
  bars.list.length = 2;
  viewport.limitZoom();
  assert.equal(options.minBarSpacing, 48);
});

test("the end is anchored only while it is visible", () => {
  viewport.anchorEnd({ from: 900, to: 999 });
  assert.equal(options.rightBarStaysOnScroll, true);
  viewport.anchorEnd({ from: 800, to: 998 });
  assert.equal(options.rightBarStaysOnScroll, false);
  options = {};
  viewport.anchorEnd(null);
  assert.deepEqual(options, {});
});

test("zooming keeps the place of a bar, or the right edge", () => {
  range = { from: 400, to: 500 };
  viewport.zoom(0.5, 450);
  assert.deepEqual(range, { from: 425, to: 475 });
  viewport.zoom(2);
  assert.deepEqual(range, { from: 375, to: 475 });
  viewport.zoom(0.001, 400);
  assert.equal(range.to - range.from, 10);
});
