// The state of the feed as text, and ages.

import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAgo, ServerClock } from "../../static/marketdata/js/shared/ages.js";
import { describeFeed } from "../../static/marketdata/js/stream/feed_text.js";

const describe = (values) =>
  describeFeed({
    ...{ connection: "open", since: 0, feed: { state: "live", text: "live" }, age: 2.4 },
    ...{ formatTime: () => "14:31 UTC" },
    ...values,
  });

test("a live feed has the age of its newest bar, which is not spoken", () => {
  assert.deepEqual(describe(), { text: "live, 2 s ago", spoken: "live", kind: "good", title: "" });
  assert.equal(describe({ age: 720 }).text, "live, last bar 12 minutes ago");
  assert.equal(describe({ connection: "unavailable" }).text, "live, 2 s ago"); // polled
});

test("other states have the server's text, and its reason as title", () => {
  const feed = { state: "reconnecting", text: "reconnecting since 14:20 UTC", reason: "No byte arrived." };
  assert.deepEqual(describe({ feed }), {
    ...{ text: feed.text, spoken: feed.text, kind: "waiting", title: "No byte arrived." },
  });
  const closed = { state: "closed", text: "market closed until 17:00 CT" };
  assert.deepEqual([describe({ feed: closed }).text, describe({ feed: closed }).kind], [closed.text, "good"]);
  const none = { state: "none", text: "no live feed: last bar 14:31 UTC" };
  assert.deepEqual([describe({ feed: none }).text, describe({ feed: none }).kind], [none.text, "none"]);
});

test("a lost connection is reported with its time", () => {
  assert.equal(describe({ connection: "reconnecting" }).text, "reconnecting since 14:31 UTC");
});

test("before the first state there is no text", () => {
  assert.equal(describe({ feed: null, connection: "connecting" }).text, "");
});

test("ages", () => {
  assert.deepEqual([-3, 0, 59.9, 60, 3599, 7200, 86_400 * 3].map(formatAgo), [
    "0 s ago",
    "0 s ago",
    "59 s ago",
    "1 minute ago",
    "59 minutes ago",
    "2 hours ago",
    "3 days ago",
  ]);
});

test("the server's clock counts", () => {
  const clock = new ServerClock(() => 5_000_000);
  assert.equal(clock.read(), 5000);
  clock.set("1970-01-01T02:00:00Z");
  assert.equal(clock.read(), 7200);
  clock.set(undefined);
  assert.equal(clock.read(), 7200);
});
