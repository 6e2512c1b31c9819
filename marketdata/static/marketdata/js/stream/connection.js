// The connection to a stream: it reconnects, notices sleep and silence, and resumes after the last event.
//
// The browser's EventSource reconnects by itself after a broken connection, but not after an answer with an error status.
// It does not notice a connection that is only silent, as after a sleep of the computer.

export const EVENTS = ["snapshot", "bar", "revision", "state", "resync"];
const CLOSED = 2; // EventSource.CLOSED

const FIRST_PAUSE = 2000; // milliseconds; doubled after each failure
const LONGEST_PAUSE = 60_000;
const TICK = 5000;
const JUMP = 20_000; // without a tick: the computer was asleep
const SILENCE = 90_000; // without an event: the connection may be dead
const RECENT = 20_000; // an event within this time shows that the connection is alive
const HIDDEN = 5000; // a hidden page gives up its connection after this time: a browser has only six per server

export class Connection {
  /** `open(address)` returns an EventSource. `onEvent(type, data, id)` gets each event, `onState(state, since)` each
   * change: "connecting", "open", "reconnecting", "unavailable" or "paused"; `since` in milliseconds. */
  constructor({ open, onEvent, onState, now = () => Date.now(), timers = globalThis }) {
    Object.assign(this, { open, onEvent, onState, now, timers });
    this.state = "paused";
    this.since = now();
    this.lastId = "";
    this.failures = 0;
    this.isHidden = false;
  }

  /** Connect to another stream, from the position `id` on. */
  connect(address, id) {
    this.address = address;
    this.lastId = id;
    this.failures = 0;
    this.wasOpen = false;
    this.setState("connecting");
    this.reopen();
    if (this.ticker === undefined) {
      this.lastTick = this.now();
      this.ticker = this.timers.setInterval(() => this.tick(), TICK);
    }
  }

  setState(state) {
    if (state === this.state) return;
    [this.state, this.since] = [state, this.now()];
    this.onState(state, this.since);
  }

  /** Close the connection, and open it again after the last event. */
  reopen() {
    this.close();
    if (!this.address || this.isPaused) return;
    const source = this.open(addId(this.address, this.lastId));
    this.source = source;
    this.lastAt = this.now();
    source.addEventListener("open", () => this.source === source && this.opened());
    source.addEventListener("error", () => this.source === source && this.failed());
    for (const type of EVENTS) {
      source.addEventListener(type, (event) => this.source === source && this.receive(type, event));
    }
  }

  close() {
    this.source?.close();
    this.source = null;
    this.timers.clearTimeout(this.retry);
    this.retry = undefined;
  }

  opened() {
    this.failures = 0;
    this.wasOpen = true;
    this.lastAt = this.now();
    this.setState("open");
  }

  failed() {
    this.setState(this.wasOpen && this.failures < 3 ? "reconnecting" : "unavailable");
    if (this.source.readyState !== CLOSED) {
      this.failures += 1; // the browser tries again
      return;
    }
    this.close();
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.failures);
    this.failures += 1;
    this.retry = this.timers.setTimeout(() => this.reopen(), pause);
  }

  receive(type, { data, lastEventId }) {
    this.lastAt = this.now();
    if (this.state !== "open") this.opened();
    let body;
    try {
      body = JSON.parse(data);
    } catch {
      return this.reopen(); // cut: the event comes again, since its id is not known yet
    }
    if (lastEventId) this.lastId = lastEventId;
    this.onEvent(type, body, lastEventId);
  }

  /** Whether bars arrive by themselves. */
  get isOpen() {
    return this.state === "open";
  }

  /** Look whether the connection is alive, after a wake or when the network is back. */
  check() {
    if (this.isPaused || !this.address) return;
    if (this.isOpen && this.now() - this.lastAt < RECENT) return;
    this.reopen();
  }

  tick() {
    const elapsed = this.now() - this.lastTick;
    this.lastTick = this.now();
    if (this.isPaused) return;
    if (elapsed > JUMP) this.check();
    else if (this.isOpen && this.now() - this.lastAt > SILENCE) this.reopen();
  }

  /** The page is hidden, or visible again. */
  setHidden(isHidden) {
    this.timers.clearTimeout(this.hiding);
    if (isHidden) {
      this.hiding = this.timers.setTimeout(() => this.pause(), HIDDEN);
      return;
    }
    this.lastTick = this.now();
    if (!this.isPaused) return this.check();
    this.isPaused = false;
    this.setState("connecting");
    this.reopen();
  }

  pause() {
    this.isPaused = true;
    this.close();
    this.setState("paused");
  }
}

function addId(address, id) {
  return id ? `${address}${address.includes("?") ? "&" : "?"}last_event_id=${encodeURIComponent(id)}` : address;
}

/** Connect the page's own events: visibility, network, and a return from the browser's history. */
export function watchPage(connection) {
  if (document.hidden) connection.setHidden(true); // opened in the background
  document.addEventListener("visibilitychange", () => connection.setHidden(document.hidden));
  addEventListener("online", () => connection.check());
  addEventListener("pageshow", (event) => event.persisted && connection.reopen());
}
