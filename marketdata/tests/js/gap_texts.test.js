import assert from "node:assert/strict";
import { test } from "node:test";
import { formatMissing, formatOutsideSession, formatRange } from "../../static/marketdata/js/coverage/gap_texts.js";
import { Clock } from "../../static/marketdata/js/shared/clock.js";
import { formatCount, formatLength } from "../../static/marketdata/js/shared/format.js";
import { utc } from "./server.js";

test("lengths in minutes and hours", () => {
  assert.deepEqual([1, 59, 60, 2945, 2940].map(formatLength), ["1 minute", "59 minutes", "1 h", "49 h 5 min", "49 h"]);
  assert.equal(formatCount(1234567), "1,234,567");
});

test("a gap with closed hours in it has two lengths", () => {
  assert.equal(formatMissing({ length: 30, minutes: 30 }), "30 minutes");
  assert.equal(formatMissing({ length: 30, minutes: 2970 }), "30 minutes while open, 49 h 30 min in total");
});

test("the end of a range omits the parts that equal those of the start", () => {
  const format = (from, to) => formatRange(utc(from), utc(to), new Clock());
  assert.equal(format("2024-02-16 21:00", "2024-02-16 22:00"), "Fri 2024-02-16 21:00 to 22:00 UTC");
  assert.equal(format("2024-02-16 22:00", "2024-02-18 23:00"), "Fri 2024-02-16 22:00 to Sun 02-18 23:00 UTC");
  assert.equal(format("2023-12-29 22:00", "2024-01-01 23:00"), "Fri 2023-12-29 22:00 to Mon 2024-01-01 23:00 UTC");
});

test("a range over a change of daylight saving time has the zone of its end", () => {
  const text = formatRange(utc("2024-03-08 22:00"), utc("2024-03-10 22:00"), new Clock("America/Chicago"));
  assert.equal(text, "Fri 2024-03-08 16:00 to Sun 03-10 17:00 CDT");
});

test("bars while the market was closed are counted, and the first are named", () => {
  const bars = [utc("2018-05-07 21:00"), utc("2018-05-08 21:00")];
  const format = (count, listed, clock = new Clock()) => formatOutsideSession(count, listed, clock);
  assert.equal(format(0, []), "");
  assert.equal(format(1, bars.slice(0, 1)), "1 bar while the market was closed: Mon 2018-05-07 21:00 UTC.");
  assert.equal(
    format(1098, bars),
    "1,098 bars while the market was closed: Mon 2018-05-07 21:00 UTC, Tue 2018-05-08 21:00 UTC and 1,096 more.",
  );
  assert.match(format(1, bars.slice(1), new Clock("America/Chicago")), /Tue 2018-05-08 16:00 CDT\.$/);
});
