// The connection to a stream: its states, how it resumes, and how it notices sleep and silence.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Connection } from "../../static/marketdata/js/stream/connection.js";
import { Source, Timers } from "./stream_doubles.js";

const ADDRESS = "/api/market-data/mnq/ohlcv-1m/stream?limit=0";
let timers;
let sources;
let events;
let states;
let connection;

const last = () => sources.at(-1);
const countOpen = () => sources.filter((source) => source.readyState !== 2).length;

beforeEach(() => {
  [sources, events, states] = [[], [], []];
  timers = new Timers();
  connection = new Connection({
    open: (address) => {
      sources.push(new Source(address));
      return sources.at(-1);
    },
    onEvent: (...event) => events.push(event),
    onState: (state) => states.push(state),
    now: () => timers.time,
    timers,
  });
  connection.connect(ADDRESS, "5.1");
});

test("it begins at the position of the page", () => {
  assert.equal(last().address, `${ADDRESS}&last_event_id=5.1`);
  last().open();
  assert.deepEqual(states, ["connecting", "open"]);
});

test("events arrive with their id", () => {
  last().open();
  last().send("bar", { ts: "2024-01-02" }, "6.1");
  assert.deepEqual(events, [["bar", { ts: "2024-01-02" }, "6.1"]]);
});

test("a broken connection is opened again by the browser", () => {
  last().open();
  last().fail(0);
  assert.equal(connection.state, "reconnecting");
  assert.equal(connection.since, timers.time);
  last().open();
  assert.equal(connection.state, "open");
  assert.equal(sources.length, 1);
});

test("after an error status it tries again from the last event, with pauses that grow to a minute", () => {
  last().open();
  last().send("bar", {}, "7.2");
  last().fail(2);
  assert.equal(connection.state, "reconnecting");
  const pauses = [];
  for (let count = 0; count < 8; count += 1) {
    const [before, begun] = [sources.length, timers.time];
    while (sources.length === before) timers.pass(500);
    pauses.push(timers.time - begun);
    assert.equal(last().address, `${ADDRESS}&last_event_id=7.2`);
    last().fail(2);
  }
  assert.deepEqual(pauses, [2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  assert.equal(connection.state, "unavailable"); // meanwhile the page polls
  assert.equal(countOpen(), 0);
});

test("a server without streams is unavailable at once", () => {
  last().fail(2);
  assert.equal(connection.state, "unavailable");
});

test("another stream replaces the first, whose late events are ignored", () => {
  const [first] = sources;
  first.open();
  connection.connect("/other?limit=0", "9.9");
  first.send("bar", {}, "6.6");
  assert.deepEqual(events, []);
  assert.equal(last().address, "/other?limit=0&last_event_id=9.9");
  assert.equal(countOpen(), 1);
});

test("a cut event is requested again", () => {
  last().open();
  last().send("bar", {}, "6.1");
  last().send("bar", '{"ts": "2024-', "7.1");
  assert.equal(events.length, 1);
  assert.equal(last().address, `${ADDRESS}&last_event_id=6.1`);
});
