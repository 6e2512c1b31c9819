// What a series page remembers, and the moments it computes from the visible range.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Bars } from "../../static/marketdata/js/bars/bars.js";
import { findDate, findIndices, findMoment } from "../../static/marketdata/js/series/moments.js";
import { PageState } from "../../static/marketdata/js/series/state.js";
import { Clock } from "../../static/marketdata/js/shared/clock.js";
import { utc } from "./server.js";

/** Bars at these seconds. `time`: the position on the axis. */
function createBars(timeframe, stamps, { hasNewer = false, time = (stamp) => stamp } = {}) {
  const bars = new Bars("/bars", timeframe, ["1"]);
  const text = { open: "1", high: "1", low: "1", close: "1" };
  const list = stamps.map((stamp) => ({ stamp, time: time(stamp), text }));
  bars.replace({ timeframe, list, hasOlder: false, hasNewer });
  return bars;
}

const MINUTES = [0, 60, 120, 180, 240];

test("only the latest request is current", () => {
  const state = new PageState("1m");
  state.keep(60);
  const first = state.startRequest("5m");
  assert.deepEqual([state.isLoading, state.requested, state.kept], [true, "5m", undefined]);
  const second = state.startRequest("1h");
  assert.deepEqual([state.isCurrent(first), state.isCurrent(second)], [false, true]);
  state.endRequest("1m");
  assert.deepEqual([state.isLoading, state.requested], [false, "1m"]);
});

test("after an error the hours are those of the loaded bars", () => {
  const state = new PageState("1m", "all");
  state.requestSession("regular");
  state.startRequest("1m");
  assert.equal(state.session, "regular");
  state.endRequest("1m", "all");
  assert.equal(state.session, "all");
});

test("a moment is kept until the chart moves", () => {
  const state = new PageState("1m");
  state.keep(60);
  assert.equal(state.kept, 60);
  state.forget();
  assert.equal(state.kept, undefined);
});

test("a pressed pointer is released, and remains a touch", () => {
  const state = new PageState("1m");
  state.press(true);
  state.release();
  assert.deepEqual([state.isPressed, state.isTouch], [false, true]);
});

test("one extension is scheduled at a time", () => {
  const state = new PageState("1m");
  assert.deepEqual([state.schedule(), state.schedule()], [true, false]);
  state.startScheduled();
  assert.equal(state.schedule(), true);
});

test("the selection follows the last bar, and keeps another one", () => {
  const state = new PageState("1m");
  const old = { time: 240 };
  const bars = createBars("1m", [...MINUTES, 300]);
  state.select(old);
  state.renewSelection(bars, old);
  assert.equal(state.selected, bars.last);
  state.select({ time: 60 });
  state.renewSelection(bars, bars.last);
  assert.equal(state.selected, bars.list[1]); // with its new values
  const gone = { time: 90 };
  state.select(gone);
  state.renewSelection(bars, bars.last);
  assert.equal(state.selected, gone);
});

test("the moment of a range is its middle", () => {
  assert.equal(findMoment({ from: 0, to: 3 }, createBars("1m", MINUTES), undefined), 120);
  assert.equal(findMoment({ from: -50, to: 2 }, createBars("1m", MINUTES), undefined), 0);
  assert.equal(findMoment({ from: 2, to: 9 }, createBars("1m", MINUTES, { hasNewer: true }), undefined), 240);
});

test("at the end of the series the moment is the selected bar, unless that is the last", () => {
  const bars = createBars("1m", MINUTES);
  const visible = { from: 1, to: 6 };
  assert.equal(findMoment(visible, bars, bars.list[2]), 120);
  assert.equal(findMoment(visible, bars, bars.last), undefined);
  assert.equal(findMoment(visible, bars, bars.list[0]), undefined); // not visible
  assert.equal(findMoment(visible, bars, undefined), undefined);
});

test("without a range or bars there is no moment", () => {
  assert.equal(findMoment(null, createBars("1m", MINUTES), undefined), undefined);
  assert.equal(findMoment({ from: 0, to: 1 }, createBars("1m", []), undefined), undefined);
});

test("the bars of a range, or the next one", () => {
  assert.deepEqual(findIndices(60, 180, createBars("1m", MINUTES)), [1, 2]);
  assert.deepEqual(findIndices(90, 110, createBars("1m", [0, 240])), [1, 0]); // none: the next one
});

test("a midnight is the trading date of a day", () => {
  const time = (stamp) => stamp + 3600; // opened at 23:00 on the date before
  const bars = createBars("1d", [utc("2024-01-01 23:00"), utc("2024-01-02 23:00")], { time });
  const day = utc("2024-01-03 00:00");
  assert.equal(findIndices(day, day + 86_400, bars)[0], 1);
  assert.equal(findDate(day, bars, new Clock()), "2024-01-03");
  assert.equal(findDate(utc("2024-01-02 23:30"), bars, new Clock()), "2024-01-03");
});

test("the date of a moment between minute bars is that of the clock", () => {
  const bars = createBars("1m", [utc("2024-01-02 03:00")]);
  assert.equal(findDate(utc("2024-01-02 03:00"), bars, new Clock("America/Chicago")), "2024-01-01");
});
