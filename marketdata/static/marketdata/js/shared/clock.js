// Times in UTC or in the exchange's time zone. All values are UTC seconds; only displayed times are converted. Otherwise
// the hour that a clock repeats in autumn would be one hour instead of two.

const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const HOUR = 3600;

const padTwo = (number) => String(number).padStart(2, "0");

export class Clock {
  constructor(zone = "UTC") {
    this.setZone(zone);
  }

  setZone(zone) {
    this.zone = zone;
    this.offsets = new Map(); // by hour: offsets change on the hour
    this.format = new Intl.DateTimeFormat("en-US", {
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

  /** {seconds: offset from UTC, east positive, name: "CST"} */
  offset(time) {
    const hour = Math.floor(time / HOUR);
    if (!this.offsets.has(hour)) {
      const parts = Object.fromEntries(this.format.formatToParts(hour * HOUR * 1000).map((p) => [p.type, p.value]));
      const wall = Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second) / 1000;
      this.offsets.set(hour, { seconds: wall - hour * HOUR, name: parts.timeZoneName });
    }
    return this.offsets.get(hour);
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

  /** The start of the day `text` (2024-01-02) in the zone, in UTC seconds. */
  midnight(text) {
    const guess = Date.parse(`${text}T00:00:00Z`) / 1000;
    const near = guess - this.offset(guess).seconds;
    return guess - this.offset(near).seconds;
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
