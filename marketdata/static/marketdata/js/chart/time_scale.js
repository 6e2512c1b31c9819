// The chart's time scale in the clock's zone: the library's own one is in UTC.

// [minutes, weight] of tick marks: the library's own weights, by which it chooses the marks that fit.
const WEIGHTS = [
  [720, 33],
  [360, 32],
  [180, 31],
  [60, 30],
  [30, 22],
  [5, 21],
  [1, 20],
];

function computeWeight(now, before) {
  if (now.getUTCFullYear() !== before.getUTCFullYear()) return 70;
  if (now.getUTCMonth() !== before.getUTCMonth()) return 60;
  if (now.getUTCDate() !== before.getUTCDate()) return 50;
  const [minute, last] = [now, before].map((date) => Math.floor(date.getTime() / 60_000));
  for (const [length, value] of WEIGHTS) {
    if (Math.floor(minute / length) !== Math.floor(last / length)) return value;
  }
  return 0;
}

/** The library's time scale with days and hours of the clock's zone instead of UTC. */
export function createZonedScale(library, clock) {
  const Base = library.defaultHorzScaleBehavior();
  return class extends Base {
    fillWeightsForPoints(points, start) {
      for (let index = start; index < points.length; index += 1) {
        const time = this.key(points[index].time);
        const before = index > 0 ? this.key(points[index - 1].time) : time - 60;
        points[index].timeWeight = computeWeight(clock.wall(time), clock.wall(before));
      }
    }
  };
}
