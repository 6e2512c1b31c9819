// The line about the feed, and what the page's head shows of the newest bar. Its age ticks each second.

import { padDecimals } from "../bars/decimals.js";
import { formatAgo, ServerClock } from "../shared/ages.js";
import { toSeconds } from "../shared/api.js";
import { describeFeed } from "../stream/feed_text.js";

const byId = (id) => document.getElementById(id);

export class FeedLine {
  constructor(page) {
    Object.assign(this, { page, feed: null, newest: page.ends.last, arrivedAt: null });
    [this.connection, this.since] = ["unavailable", Date.now()];
    this.serverClock = new ServerClock();
    this.element = byId("feed-line");
    this.spoken = byId("feed-spoken");
    this.freshness = byId("freshness");
    this.last = byId("last-bar");
    this.close = byId("latest-close");
    setInterval(() => this.tick(), 1000);
  }

  showConnection(state, since) {
    [this.connection, this.since] = [state, since];
    this.tick();
  }

  showFeed(feed) {
    this.feed = feed;
    this.serverClock.set(feed.now);
    if (feed.last_bar) this.showNewest(toSeconds(feed.last_bar));
    this.tick();
  }

  /** A bar or candle arrived. */
  showArrival(row) {
    const stamp = toSeconds(row.ts);
    const { bars } = this.page;
    if (row.removed || stamp + bars.length <= this.newest) return;
    this.arrivedAt = this.serverClock.read();
    if (bars.session === "all") this.close.textContent = padDecimals(row.close, bars.decimals);
    if (bars.timeframe === "1m") this.showNewest(stamp);
    this.tick();
  }

  showNewest(stamp) {
    if (stamp < this.newest) return;
    this.newest = stamp;
    const iso = new Date(stamp * 1000).toISOString();
    this.last.dateTime = iso;
    this.last.textContent = `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
  }

  /** Seconds since the newest bar arrived; before the first arrival, since its minute ended. */
  get age() {
    const moment = Math.max(this.arrivedAt ?? 0, this.newest + 60);
    return this.serverClock.read() - moment;
  }

  tick() {
    if (!this.feed) return; // the page shows what the server wrote
    const { clock } = this.page;
    const { connection, since, feed, age } = this;
    const formatTime = (seconds) => `${clock.hour(seconds)} ${clock.offset(seconds).name}`;
    const { text, spoken, kind, title } = describeFeed({ connection, since, feed, age, formatTime });
    setText(this.element, text);
    setText(this.spoken, spoken);
    this.element.className = `feed-line ${kind}`;
    this.element.title = title;
    setText(this.freshness, formatAgo(age));
  }
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
