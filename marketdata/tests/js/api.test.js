// Requests and the messages of their errors.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, getJson, toIso, toSeconds } from "../../static/marketdata/js/shared/api.js";
import { serve } from "./server.js";

test("parameters without a value are omitted", async () => {
  const requests = serve({ bars: [] });
  assert.deepEqual(
    await getJson("/api/bars", { limit: 0, start: "2024-01-02T00:00:00+00:00", end: undefined, cursor: null }),
    {
      bars: [],
    },
  );
  assert.equal(requests[0].href, "https://barkeep.example/api/bars?limit=0&start=2024-01-02T00%3A00%3A00%2B00%3A00");
});

const failures = [
  ["a login that ended", 403, {}, {}, "You are no longer logged in: reload the page."],
  ["no login", 401, {}, {}, "You are no longer logged in: reload the page."],
  ["too many requests", 429, { "Retry-After": "7" }, {}, "Too many requests: try again in 7 s."],
  ["too many requests without a time", 429, {}, {}, "Too many requests: try again in 60 s."],
  ["a refused parameter", 400, {}, { detail: "There is no calendar 'Mars'." }, "There is no calendar 'Mars'."],
  ["an error without a reason", 500, {}, {}, "The server answered 500: see its log."],
];
for (const [name, status, headers, body, message] of failures) {
  test(`the message of ${name}`, async () => {
    serve(Response.json(body, { status, headers }));
    await assert.rejects(getJson("/api/bars"), (error) => error instanceof ApiError && error.message === message);
  });
}

test("an answer that is no JSON, and no answer", async () => {
  serve(new Response("<h1>Bad gateway</h1>", { status: 502 }), new TypeError("Failed to fetch"));
  await assert.rejects(getJson("/api/bars"), { message: "The server answered 502: see its log." });
  await assert.rejects(getJson("/api/bars"), { message: "The server cannot be reached." });
});

test("times are whole seconds in UTC", () => {
  assert.equal(toIso(1704205800), "2024-01-02T14:30:00+00:00");
  assert.equal(toSeconds("2024-01-02T14:30:00+00:00"), 1704205800);
  assert.equal(toSeconds("2024-01-02T08:30:00-06:00"), 1704205800);
  assert.ok(Number.isNaN(toSeconds(null)));
});
