// The state of the feed as text: "live, 2 s ago", "reconnecting since 14:31 UTC", "market closed until 17:00 CT".

import { formatAgo } from "../shared/ages.js";

const GOOD = ["live", "closed"];

/** `connection`: the state of the connection to the server, and `since` when. `feed`: the server's state of the feed,
 * null until it is known. `age`: seconds since the newest bar arrived. `formatTime(seconds)` formats a time of day.
 * Without a stream the page polls, so an unavailable connection is not reported. Returns the text, the part that is spoken (it has no age), and the kind: good, waiting or none. */
export function describeFeed({ connection, since, feed, age, formatTime }) {
  if (connection === "reconnecting") return build(`reconnecting since ${formatTime(since / 1000)}`, "waiting");
  if (!feed) return build("", "none");
  const kind = GOOD.includes(feed.state) ? "good" : feed.state === "none" ? "none" : "waiting";
  if (feed.state !== "live" || age === null) return build(feed.text, kind, feed.reason);
  const last = age < 90 ? formatAgo(age) : `last bar ${formatAgo(age)}`;
  return { ...build(`${feed.text}, ${last}`, kind, feed.reason), spoken: feed.text };
}

const build = (text, kind, title = "") => ({ text, spoken: text, kind, title: title ?? "" });
