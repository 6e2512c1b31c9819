// Times in UTC or on the exchange's clock. Everything is kept in UTC seconds; only what is shown is converted, so that
// the hour which a clock shows twice in autumn stays two hours.

const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const HOUR = 3600;

const two = (number) => String(number).padStart(2, "0");

export class Clock {
  constructor(zone = "UTC") {
    this.setZone(zone);
  }

  setZone(zone) {
    this.zone = zone;
    this.known = new Map(); // hour -> offset: clocks change on the hour
    this.format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone, hourCycle: "h23", timeZoneName: "short",
      year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric",
    });
  }

  /** {seconds: what the clock is ahead of UTC, name: "CST"} */
  offset(time) {
    const hour = Math.floor(time / HOUR);
    if (!this.known.has(hour)) {
      const parts = Object.fromEntries(this.format.formatToParts(hour * HOUR * 1000).map((p) => [p.type, p.value]));
      const wall = Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second) / 1000;
      this.known.set(hour, { seconds: wall - hour * HOUR, name: parts.timeZoneName });
    }
    return this.known.get(hour);
  }

  /** A Date whose UTC fields are what the clock shows. */
  wall(time) {
    return new Date((time + this.offset(time).seconds) * 1000);
  }

  date(time) {
    return this.wall(time).toISOString().slice(0, 10);
  }

  /** 14:30 */
  hour(time) {
    const wall = this.wall(time);
    return `${two(wall.getUTCHours())}:${two(wall.getUTCMinutes())}`;
  }

  /** Tue 2024-01-02 */
  day(time) {
    return `${WEEKDAYS[this.wall(time).getUTCDay()]} ${this.date(time)}`;
  }

  /** Tue 2024-01-02 14:30 UTC */
  long(time) {
    return `${this.day(time)} ${this.hour(time)} ${this.offset(time).name}`;
  }

  /** When the day `text` (2024-01-02) begins on this clock. */
  midnight(text) {
    const guess = Date.parse(`${text}T00:00:00Z`) / 1000;
    const near = guess - this.offset(guess).seconds;
    return guess - this.offset(near).seconds;
  }

  /** The label of a mark on the chart's time scale; `kind` is the library's TickMarkType. */
  tick(time, kind) {
    const wall = this.wall(time);
    if (kind === 0) return String(wall.getUTCFullYear());
    if (kind === 1) return MONTHS[wall.getUTCMonth()];
    if (kind === 2) return `${wall.getUTCDate()} ${MONTHS[wall.getUTCMonth()]}`;
    return this.hour(time);
  }
}

// How much a time mark weighs against its neighbours, as the library counts it.
const WEIGHTS = [[720, 33], [360, 32], [180, 31], [60, 30], [30, 22], [5, 21], [1, 20]];

function weight(now, before) {
  if (now.getUTCFullYear() !== before.getUTCFullYear()) return 70;
  if (now.getUTCMonth() !== before.getUTCMonth()) return 60;
  if (now.getUTCDate() !== before.getUTCDate()) return 50;
  const [minute, last] = [now, before].map((date) => Math.floor(date.getTime() / 60_000));
  for (const [length, value] of WEIGHTS) {
    if (Math.floor(minute / length) !== Math.floor(last / length)) return value;
  }
  return 0;
}

/** The library's time scale, but with days and hours as the clock shows them, not as UTC does. */
export function zonedScale(library, clock) {
  const Base = library.defaultHorzScaleBehavior();
  return class extends Base {
    fillWeightsForPoints(points, start) {
      for (let index = start; index < points.length; index += 1) {
        const time = this.key(points[index].time);
        const before = index > 0 ? this.key(points[index - 1].time) : time - 60;
        points[index].timeWeight = weight(clock.wall(time), clock.wall(before));
      }
    }
  };
}
