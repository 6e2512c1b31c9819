// Times in UTC or in the exchange's time zone. All values are UTC seconds; only displayed times are converted. Otherwise
// the hour that a clock repeats in autumn would be one hour instead of two. UTC needs nothing of the browser.

const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const QUARTER = 900; // offsets are multiples of a quarter of an hour, and zones change them at such times
const FARTHEST = 15 * 3600; // no zone is farther from UTC
const UTC = { seconds: 0, name: "UTC" };

const padTwo = (number) => String(number).padStart(2, "0");

/** Whether the browser has the time zone. */
export function isKnownZone(zone) {
  try {
    return zone === "UTC" || Boolean(createFormat(zone));
  } catch {
    return false;
  }
}

function createFormat(zone) {
  return new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    timeZoneName: "short",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
}

export class Clock {
  constructor(zone = "UTC") {
    this.setZone(zone);
  }

  setZone(zone) {
    this.zone = zone;
    this.offsets = new Map(); // by quarter of an hour
    this.format = zone === "UTC" ? null : createFormat(zone);
  }

  /** {seconds: offset from UTC, east positive, name: "CST"} */
  offset(time) {
    if (!this.format) return UTC;
    const quarter = Math.floor(time / QUARTER);
    if (!this.offsets.has(quarter)) this.offsets.set(quarter, this.computeOffset(quarter * QUARTER));
    return this.offsets.get(quarter);
  }

  computeOffset(time) {
    const parts = Object.fromEntries(this.format.formatToParts(time * 1000).map((part) => [part.type, part.value]));
    const wall = Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second) / 1000;
    return { seconds: wall - time, name: parts.timeZoneName };
  }

  /** A Date whose UTC fields are the local time in the zone. */
  wall(time) {
    return new Date((time + this.offset(time).seconds) * 1000);
  }

  /** 2024-01-02 */
  date(time) {
    return this.wall(time).toISOString().slice(0, 10);
  }

  /** 14:30 */
  hour(time) {
    const wall = this.wall(time);
    return `${padTwo(wall.getUTCHours())}:${padTwo(wall.getUTCMinutes())}`;
  }

  /** Tue 2024-01-02 */
  day(time) {
    return `${WEEKDAYS[this.wall(time).getUTCDay()]} ${this.date(time)}`;
  }

  /** Tue 2024-01-02 14:30 UTC */
  long(time) {
    return `${this.day(time)} ${this.hour(time)} ${this.offset(time).name}`;
  }

  /** The start of the day `text` (2024-01-02) in the zone, in UTC seconds. Where a change of the clock skips midnight or
   * repeats it, the day starts at the first moment of its date. */
  midnight(text) {
    const midnight = Date.parse(`${text}T00:00:00Z`) / 1000;
    if (!this.format) return midnight;
    let time = midnight - FARTHEST;
    while (this.date(time) < text) time += QUARTER;
    return time;
  }

  /** The start of the next day: a day has 23 to 25 hours. */
  nextMidnight(text) {
    return this.midnight(new Date(Date.parse(`${text}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10));
  }

  /** The label of a tick mark on the time scale. `kind` is the library's TickMarkType. */
  tick(time, kind) {
    const wall = this.wall(time);
    if (kind === 0) return String(wall.getUTCFullYear());
    if (kind === 1) return MONTHS[wall.getUTCMonth()];
    if (kind === 2) return `${wall.getUTCDate()} ${MONTHS[wall.getUTCMonth()]}`;
    return this.hour(time);
  }
}
