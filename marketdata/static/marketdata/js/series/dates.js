// The date field: its value, and the dates that it accepts. Both are dates of the chosen clock, as Go reads them.

import { DAY, getWeekday, toMidnight } from "../coverage/weeks.js";
import { findDate } from "./moments.js";

/** The first and last bar as UTC seconds, and their trading dates: what the page knows of the series' ends. */
export class Ends {
  constructor({ first, last, firstDay, lastDay }) {
    Object.assign(this, { first, last, firstDay, lastDay });
  }

  /** Bars that arrived while the page is open move the end. */
  extend(bars) {
    if (bars.hasNewer || !bars.list.length) return;
    this.last = Math.max(this.last, bars.last.stamp);
    const { session } = bars.last; // minute bars have none
    if (session && !bars.isWeekly && session > this.lastDay) this.lastDay = session;
  }

  /** The earliest and latest date that the field accepts: dates in the clock and trading dates, since heat map and daily
   * candles have those. Weekly candles have the date of their Monday. */
  findBounds(clock, bars) {
    const monday = toMidnight(this.firstDay) - getWeekday(toMidnight(this.firstDay)) * DAY;
    const firstDay = bars.isWeekly ? new Date(monday * 1000).toISOString().slice(0, 10) : this.firstDay;
    const min = [clock.date(this.first), firstDay].sort()[0];
    const max = [clock.date(this.last), this.lastDay].sort()[1];
    return { min, max };
  }

  /** The date of the shown range, which starts at `start`; null for the end of the series. */
  findValue(start, clock, bars) {
    if (start !== null) return findDate(start, bars, clock);
    if (!bars.bySession) return clock.date(this.last);
    return bars.list.length ? clock.date(bars.last.time) : this.lastDay;
  }
}

/** Show the date of the shown range, and the dates that can be chosen. */
export function showDate({ bars, clock, ends, state }) {
  ends.extend(bars);
  const field = document.getElementById("jump-date");
  const value = ends.findValue(state.start, clock, bars);
  const { min, max } = ends.findBounds(clock, bars);
  // A day of the heat map can begin before the first bar.
  Object.assign(field, { min: [min, value].sort()[0], max: [max, value].sort()[1] });
  // Not while a date is being typed.
  if (field !== document.activeElement) field.value = value;
}
