// The browser's storage, which may be missing, full or forbidden.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { readStored, writeStored } from "../../static/marketdata/js/shared/storage.js";

function refuse() {
  throw new Error("SecurityError");
}

function setStorage(descriptor) {
  Object.defineProperty(globalThis, "localStorage", { configurable: true, ...descriptor });
}

afterEach(() => {
  delete globalThis.localStorage;
});

test("what is written is read again", () => {
  const kept = new Map();
  setStorage({ value: { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value) } });
  assert.equal(readStored("clock"), null);
  writeStored("clock", "exchange");
  assert.equal(readStored("clock"), "exchange");
});

for (const [name, descriptor] of Object.entries({
  missing: { value: undefined },
  null: { value: null },
  forbidden: { get: refuse },
  full: { value: { getItem: () => null, setItem: refuse } },
})) {
  test(`nothing is kept if the storage is ${name}`, () => {
    setStorage(descriptor);
    writeStored("clock", "exchange");
    assert.equal(readStored("clock"), null);
  });
}
