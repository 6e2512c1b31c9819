// The date field of a series' page: what it accepts is in the clock that it is read in.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Bars } from "../../static/marketdata/js/bars/bars.js";
import { Ends } from "../../static/marketdata/js/series/dates.js";
import { Clock } from "../../static/marketdata/js/shared/clock.js";
import { utc } from "./server.js";

// From a Wednesday evening in Chicago (trading date: Thursday) until midnight in UTC, on the trading date of the 11th.
const CHICAGO = {
  first: utc("2024-09-18 23:30"),
  last: utc("2024-12-10 23:59"),
  firstDay: "2024-09-19",
  lastDay: "2024-12-11",
};

function createBars(timeframe, list = [], more = {}) {
  const bars = new Bars("/api/market-data/x/ohlcv-1m/bars", timeframe, []);
  const candles = list.map(([stamp, session]) => ({
    stamp,
    session,
    time: session && timeframe !== "1m" ? utc(`${session} 00:00`) : stamp,
    text: { open: "1", high: "1", low: "1", close: "1" },
  }));
  bars.replace({ timeframe, list: candles, hasOlder: false, hasNewer: false, ...more });
  return bars;
}

test("the field ends with the last trading date, and starts with the first date of the clock", () => {
  const ends = new Ends(CHICAGO);
  for (const timeframe of ["1m", "1h", "1d"]) {
    assert.deepEqual(ends.findBounds(new Clock(), createBars(timeframe)), { min: "2024-09-18", max: "2024-12-11" });
  }
});

test("the dates of the exchange's clock can be earlier or later than those of UTC", () => {
  const day = { first: utc("2024-01-02 03:00"), last: utc("2024-01-02 21:00") };
  const ends = new Ends({ ...day, firstDay: "2024-01-02", lastDay: "2024-01-02" });
  const bars = createBars("1m");
  assert.deepEqual(ends.findBounds(new Clock(), bars), { min: "2024-01-02", max: "2024-01-02" });
  assert.deepEqual(ends.findBounds(new Clock("America/Chicago"), bars), { min: "2024-01-01", max: "2024-01-02" });
  assert.deepEqual(ends.findBounds(new Clock("Asia/Kolkata"), bars), { min: "2024-01-02", max: "2024-01-03" });
});

test("the first week has the date of its Monday", () => {
  assert.equal(new Ends(CHICAGO).findBounds(new Clock(), createBars("1w")).min, "2024-09-16");
});

test("each value that the page shows is one that the field accepts", () => {
  const ends = new Ends(CHICAGO);
  const candles = {
    "1m": [[CHICAGO.first], [CHICAGO.last]],
    "1h": [
      [utc("2024-09-18 23:00"), "2024-09-19"],
      [utc("2024-12-10 23:00"), "2024-12-11"],
    ],
    "1d": [
      [utc("2024-09-18 22:00"), "2024-09-19"],
      [utc("2024-12-10 23:00"), "2024-12-11"],
    ],
    "1w": [
      [utc("2024-09-15 22:00"), "2024-09-16"],
      [utc("2024-12-08 23:00"), "2024-12-09"],
    ],
  };
  for (const [timeframe, list] of Object.entries(candles)) {
    const bars = createBars(timeframe, list);
    for (const clock of [new Clock(), new Clock("America/Chicago"), new Clock("Asia/Tokyo")]) {
      if (bars.bySession && clock.zone !== "UTC") continue;
      const { min, max } = ends.findBounds(clock, bars);
      for (const start of [null, CHICAGO.first, CHICAGO.last]) {
        const value = ends.findValue(start, clock, bars);
        assert.ok(min <= value && value <= max, `${timeframe} ${clock.zone}: ${min} ${value} ${max}`);
      }
    }
  }
});

test("at the end of the series the value is the date of the last candle", () => {
  const ends = new Ends(CHICAGO);
  const days = createBars("1d", [[utc("2024-12-10 23:00"), "2024-12-11"]]);
  assert.equal(ends.findValue(null, new Clock(), days), "2024-12-11");
  assert.equal(ends.findValue(null, new Clock(), createBars("1d")), "2024-12-11"); // nothing is loaded yet
  assert.equal(ends.findValue(null, new Clock(), createBars("1m", [[CHICAGO.last]])), "2024-12-10");
});

test("bars that arrive extend what the field accepts", () => {
  const ends = new Ends(CHICAGO);
  ends.extend(createBars("1m", [[utc("2024-12-12 00:05")]]));
  assert.equal(ends.findBounds(new Clock(), createBars("1m")).max, "2024-12-12");
  ends.extend(createBars("1h", [[utc("2024-12-12 23:00"), "2024-12-13"]]));
  assert.equal(ends.findBounds(new Clock(), createBars("1m")).max, "2024-12-13");
  ends.extend(createBars("1d", [[utc("2024-12-01 23:00"), "2024-12-02"]], { hasNewer: true }));
  ends.extend(createBars("1w", [[utc("2024-12-08 23:00"), "2024-12-09"]]));
  ends.extend(createBars("1m"));
  assert.equal(ends.findBounds(new Clock(), createBars("1m")).max, "2024-12-13");
});
