// The range in the address of a series' page.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { parseMoment, readAddress, updateAddress, updateSession } from "../../static/marketdata/js/series/address.js";
import { utc } from "./server.js";

const PAGE = "https://barkeep.example/series/mnq/";

afterEach(() => {
  globalThis.location = { href: PAGE };
});

test("a time without an offset is in UTC, wherever the browser is", () => {
  process.env.TZ = "Asia/Tokyo";
  const expected = utc("2024-01-02 14:30");
  for (const text of [
    "2024-01-02T14:30Z",
    "2024-01-02T14:30",
    "2024-01-02 14:30",
    "2024-01-02T14:30:00",
    "2024-01-02T14:30:00.000",
    "2024-01-02T08:30:00-06:00",
    "2024-01-02T20:00:00+05:30",
    "2024-01-02T20:00:00 05:30",
  ]) {
    assert.equal(parseMoment(text), expected, text);
  }
  assert.equal(parseMoment("2024-01-02"), utc("2024-01-02 00:00"));
  for (const text of ["", "tomorrow", "2024-13-01"]) assert.ok(Number.isNaN(parseMoment(text)), text);
});

test("the address that the page writes is read again", () => {
  globalThis.history = { replaceState: (_state, _title, url) => (globalThis.location = { href: String(url) }) };
  updateAddress(utc("2024-01-02 14:30"), "1h", "regular");
  assert.deepEqual(readAddress(), {
    timeframe: "1h",
    session: "regular",
    from: utc("2024-01-02 14:30"),
    finding: null,
  });
  updateSession("all");
  assert.deepEqual(readAddress(), {
    timeframe: "1h",
    session: null,
    from: utc("2024-01-02 14:30"),
    finding: null,
  });
  updateAddress(null, "1m", "all");
  assert.equal(location.href, PAGE);
});

test("an address that may not be changed is no error", () => {
  globalThis.history = {
    replaceState() {
      throw new Error("SecurityError");
    },
  };
  updateAddress(null, "1h", "all");
  assert.equal(location.href, PAGE);
});
