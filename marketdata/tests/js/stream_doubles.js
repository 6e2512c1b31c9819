// Timers, and a source of events as the browser's, that a test drives.

/** Timers with a clock of their own, in milliseconds. */
export class Timers {
  constructor() {
    [this.list, this.time] = [[], 1_000_000];
  }

  setTimeout(work, delay) {
    this.list.push({ work, at: this.time + delay });
    return this.list.at(-1);
  }

  setInterval(work, delay) {
    this.list.push({ work, at: this.time + delay, delay });
    return this.list.at(-1);
  }

  clearTimeout(timer) {
    this.list = this.list.filter((one) => one !== timer);
  }

  /** Let time pass; a computer that sleeps runs its timers once, afterwards. */
  pass(milliseconds, { asleep = false } = {}) {
    const end = this.time + milliseconds;
    if (asleep) this.time = end;
    for (;;) {
      const [next] = this.list.filter((one) => one.at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.time = Math.max(this.time, next.at);
      if (next.delay) next.at = this.time + next.delay;
      else this.clearTimeout(next);
      next.work();
    }
    this.time = end;
  }
}

/** A source as the browser's, whose events the test sends. */
export class Source {
  constructor(address) {
    Object.assign(this, { address, readyState: 0, listeners: {} });
  }

  addEventListener(type, listener) {
    this.listeners[type] = listener;
  }

  close() {
    this.readyState = 2;
  }

  open() {
    this.readyState = 1;
    this.listeners.open({});
  }

  /** `readyState`: 0 if the browser tries again, 2 after an error status. */
  fail(readyState) {
    this.readyState = readyState;
    this.listeners.error({});
  }

  send(type, body, lastEventId) {
    this.listeners[type]({ data: typeof body === "string" ? body : JSON.stringify(body), lastEventId });
  }
}
