// The connection to a stream notices sleep, silence and hidden pages.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Connection } from "../../static/marketdata/js/stream/connection.js";
import { Source, Timers } from "./stream_doubles.js";

const ADDRESS = "/api/market-data/mnq/ohlcv-1m/stream?limit=0";
let timers;
let sources;
let connection;

const last = () => sources.at(-1);
const countOpen = () => sources.filter((source) => source.readyState !== 2).length;

beforeEach(() => {
  sources = [];
  timers = new Timers();
  connection = new Connection({
    open: (address) => {
      sources.push(new Source(address));
      return sources.at(-1);
    },
    onEvent: () => undefined,
    onState: () => undefined,
    now: () => timers.time,
    timers,
  });
  connection.connect(ADDRESS, "5.1");
});

test("a sleep of the computer opens the connection again", () => {
  last().open();
  timers.pass(600_000, { asleep: true });
  assert.equal(sources.length, 2);
  assert.equal(countOpen(), 1);
});

test("a silent connection is opened again after 90 seconds, one with events is not", () => {
  last().open();
  for (let count = 0; count < 10; count += 1) {
    timers.pass(15_000);
    last().send("state", {}, "8.1");
  }
  assert.equal(sources.length, 1);
  timers.pass(100_000);
  assert.equal(sources.length, 2);
  assert.equal(last().address, `${ADDRESS}&last_event_id=8.1`);
});

test("when the network is back it looks, unless an event has just arrived", () => {
  last().open();
  connection.check();
  assert.equal(sources.length, 1);
  timers.pass(30_000);
  connection.check();
  assert.equal(sources.length, 2);
});

test("waiting for another try ends when the network is back", () => {
  last().open();
  last().fail(2);
  connection.check();
  assert.equal(sources.length, 2);
  timers.pass(2500);
  assert.equal(sources.length, 2); // the timer of the pause is gone
});

test("a hidden page gives its connection to other pages, and resumes when it is visible", () => {
  last().open();
  last().send("bar", {}, "9.1");
  connection.setHidden(true);
  timers.pass(4000);
  assert.equal(countOpen(), 1);
  timers.pass(2000);
  assert.equal(countOpen(), 0);
  assert.equal(connection.state, "paused");
  timers.pass(600_000);
  connection.check();
  assert.equal(countOpen(), 0);
  connection.setHidden(false);
  assert.equal(countOpen(), 1);
  assert.equal(last().address, `${ADDRESS}&last_event_id=9.1`);
});

test("a page that is hidden for a moment keeps its connection", () => {
  last().open();
  connection.setHidden(true);
  timers.pass(1000);
  connection.setHidden(false);
  timers.pass(10_000);
  assert.equal(sources.length, 1);
});
