// Weights of tick marks in the clock's zone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createZonedScale } from "../../static/marketdata/js/chart/time_scale.js";
import { Clock } from "../../static/marketdata/js/shared/clock.js";
import { utc } from "./server.js";

class LibraryScale {
  key(time) {
    return time;
  }
}

function computeWeights(zone, ...times) {
  const Scale = createZonedScale({ defaultHorzScaleBehavior: () => LibraryScale }, new Clock(zone));
  const points = times.map((time) => ({ time: utc(time) }));
  new Scale().fillWeightsForPoints(points, 0);
  return points.map((point) => point.timeWeight);
}

test("a local day weighs more than the hours in it", () => {
  const times = ["2024-01-02 05:59", "2024-01-02 06:00", "2024-01-02 06:01", "2024-01-02 07:00"];
  assert.deepEqual(computeWeights("America/Chicago", ...times), [20, 50, 20, 30]);
  assert.deepEqual(computeWeights("UTC", ...times), [20, 32, 20, 30]);
});

test("months and years weigh more than days", () => {
  assert.deepEqual(
    computeWeights("UTC", "2024-01-31 12:00", "2024-02-01 00:00", "2025-01-01 00:00").slice(1),
    [60, 70],
  );
});
