// Ages of moments, which tick each second. The server's clock counts: that of the browser may be wrong.

const UNITS = [
  [31_536_000, "year"],
  [2_592_000, "month"],
  [86_400, "day"],
  [3600, "hour"],
  [60, "minute"],
];

/** 2 s ago; 5 minutes ago. `seconds` below 0 count as 0: clocks differ a little. */
export function formatAgo(seconds) {
  for (const [length, unit] of UNITS) {
    const count = Math.floor(seconds / length);
    if (count >= 1) return `${count} ${unit}${count > 1 ? "s" : ""} ago`;
  }
  return `${Math.max(0, Math.floor(seconds))} s ago`;
}

/** The server's clock, known by the times that its responses have. */
export class ServerClock {
  constructor(now = () => Date.now()) {
    this.now = now;
    this.offset = 0;
  }

  /** `iso`: the server's time, as it arrives. */
  set(iso) {
    const time = Date.parse(iso);
    if (Number.isFinite(time)) this.offset = time - this.now();
  }

  /** Seconds since 1970. */
  read() {
    return (this.now() + this.offset) / 1000;
  }
}
