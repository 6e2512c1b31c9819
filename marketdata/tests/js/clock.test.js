// Times in the exchange's zone, with both changes of daylight saving time.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock, isKnownZone } from "../../static/marketdata/js/shared/clock.js";
import { utc } from "./server.js";

const SPRING = utc("2024-03-10 08:00"); // 01:59 CST is followed by 03:00 CDT
const AUTUMN = utc("2024-11-03 07:00"); // 01:59 CDT is followed by 01:00 CST
const chicago = new Clock("America/Chicago");

test("UTC needs no conversion", () => {
  const clock = new Clock();
  assert.equal(clock.long(utc("2024-01-02 14:30")), "Tue 2024-01-02 14:30 UTC");
  assert.equal(clock.midnight("2024-01-02"), utc("2024-01-02 00:00"));
});

test("the date in the zone may be the previous one", () => {
  assert.equal(chicago.long(utc("2024-01-02 05:59")), "Mon 2024-01-01 23:59 CST");
  assert.equal(chicago.date(utc("2024-01-02 06:00")), "2024-01-02");
});

test("in spring an hour is skipped", () => {
  assert.equal(chicago.long(SPRING - 60), "Sun 2024-03-10 01:59 CST");
  assert.equal(chicago.long(SPRING), "Sun 2024-03-10 03:00 CDT");
  assert.equal(chicago.offset(SPRING).seconds - chicago.offset(SPRING - 1).seconds, 3600);
});

test("in autumn an hour is repeated, with another name", () => {
  assert.equal(chicago.long(AUTUMN - 1800), "Sun 2024-11-03 01:30 CDT");
  assert.equal(chicago.long(AUTUMN + 1800), "Sun 2024-11-03 01:30 CST");
});

test("a day starts at local midnight, on the days of a change too", () => {
  for (const [day, start] of [
    ["2024-03-10", "2024-03-10 06:00"],
    ["2024-03-11", "2024-03-11 05:00"],
    ["2024-11-03", "2024-11-03 05:00"],
    ["2024-11-04", "2024-11-04 06:00"],
  ]) {
    assert.equal(chicago.midnight(day), utc(start));
    assert.equal(chicago.date(utc(start)), day);
    assert.equal(chicago.hour(utc(start)), "00:00");
  }
});

test("zones east of UTC, and with half hours", () => {
  const kolkata = new Clock("Asia/Kolkata");
  assert.equal(kolkata.hour(utc("2024-01-02 18:30")), "00:00");
  assert.equal(kolkata.midnight("2024-01-03"), utc("2024-01-02 18:30"));
});

test("a change between local midnight and midnight in UTC", () => {
  const auckland = new Clock("Pacific/Auckland");
  assert.equal(auckland.midnight("2024-04-07"), utc("2024-04-06 11:00")); // daylight saving time ends at 14:00 UTC
  assert.equal(auckland.midnight("2024-09-29"), utc("2024-09-28 12:00")); // and starts at 14:00 UTC
});

test("another zone replaces the known offsets", () => {
  const clock = new Clock();
  assert.equal(clock.hour(SPRING), "08:00");
  clock.setZone("America/Chicago");
  assert.equal(clock.hour(SPRING), "03:00");
});

test("labels of tick marks by their kind", () => {
  const time = utc("2024-03-10 05:30");
  assert.deepEqual(
    [0, 1, 2, 3].map((kind) => chicago.tick(time, kind)),
    ["2024", "Mar", "9 Mar", "23:30"],
  );
});

test("a day starts with the first moment of its date, where midnight is skipped or repeated", () => {
  for (const [zone, day, start, hour] of [
    ["America/Sao_Paulo", "2018-11-04", "2018-11-04 03:00", "01:00"], // 00:00 became 01:00
    ["America/Sao_Paulo", "2018-02-18", "2018-02-18 03:00", "00:00"], // 00:00 became 23:00 of the 17th
    ["Asia/Amman", "2021-10-29", "2021-10-28 21:00", "00:00"], // 01:00 became 00:00
    ["Africa/Cairo", "2024-04-26", "2024-04-25 22:00", "01:00"],
    ["Asia/Kathmandu", "2024-01-02", "2024-01-01 18:15", "00:00"],
  ]) {
    const clock = new Clock(zone);
    assert.equal(clock.midnight(day), utc(start), zone);
    assert.equal(clock.hour(utc(start)), hour);
    assert.equal(clock.date(utc(start)), day);
    assert.notEqual(clock.date(utc(start) - 1), day);
  }
});

test("zones with half hours change their offset at a half hour in UTC", () => {
  const adelaide = new Clock("Australia/Adelaide"); // 02:00 became 03:00
  assert.equal(adelaide.hour(utc("2024-10-05 16:29")), "01:59");
  assert.equal(adelaide.hour(utc("2024-10-05 16:30")), "03:00");
});

test("a day ends where the next starts: after 23 to 25 hours", () => {
  const hours = (clock, day) => (clock.nextMidnight(day) - clock.midnight(day)) / 3600;
  assert.equal(hours(chicago, "2024-03-10"), 23);
  assert.equal(hours(chicago, "2024-11-03"), 25);
  assert.equal(hours(chicago, "2024-12-31"), 24);
  assert.equal(hours(new Clock(), "2024-02-28"), 24);
});

test("a browser can lack a zone, but UTC needs nothing of it", () => {
  assert.deepEqual([isKnownZone("Asia/Kolkata"), isKnownZone("Mars/Olympus"), isKnownZone("")], [true, false, false]);
  const real = globalThis.Intl;
  try {
    globalThis.Intl = undefined;
    assert.equal(isKnownZone("America/Chicago"), false);
    assert.equal(isKnownZone("UTC"), true);
    assert.equal(new Clock().long(utc("2024-01-02 14:30")), "Tue 2024-01-02 14:30 UTC");
  } finally {
    globalThis.Intl = real;
  }
});
