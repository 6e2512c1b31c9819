// The status line: one message per subject, the latest is shown.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { ApiError } from "../../static/marketdata/js/shared/api.js";
import { Status } from "../../static/marketdata/js/shared/status.js";

let element;
let status;

beforeEach(() => {
  const classes = { isBad: false, toggle: (_, isBad) => Object.assign(classes, { isBad }) };
  element = { textContent: "", classList: classes };
  status = new Status(element);
});

test("the latest message is shown; the one before returns when it ends", () => {
  status.show("bars", "Loading…");
  status.show("more", "Offline.", true);
  assert.deepEqual([element.textContent, element.classList.isBad], ["Offline.", true]);
  status.show("more");
  assert.deepEqual([element.textContent, element.classList.isBad], ["Loading…", false]);
});

test("work shows a text while it runs, and none after", async () => {
  const isDone = await status.attempt("more", "Loading…", () => assert.equal(element.textContent, "Loading…"));
  assert.deepEqual([isDone, element.textContent], [true, ""]);
});

test("an error of the API is shown, another one is not caught", async () => {
  const fail = (error) => () => Promise.reject(error);
  assert.equal(await status.attempt("more", "Loading…", fail(new ApiError("Too many requests."))), false);
  assert.deepEqual([element.textContent, element.classList.isBad], ["Too many requests.", true]);
  await assert.rejects(status.attempt("more", "", fail(new TypeError("a bug"))), TypeError);
});
