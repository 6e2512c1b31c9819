// Follows the stream of the shown timeframe and hours: the chart equals the table without a request for each bar.

import { loadAgain } from "../bars/reload.js";
import { toSeconds } from "../shared/api.js";
import { Connection, watchPage } from "../stream/connection.js";
import { findShift, mergeRows } from "../stream/merge.js";
import { showDate } from "./dates.js";
import { NONE } from "./ranges.js";

const WAIT = 50; // milliseconds until a page that is loading is looked at again

export class Stream {
  /** `data`: the attributes of the page: the address of the stream of minute bars, and the position of the page. */
  constructor(page, data) {
    Object.assign(this, { page, address: data.streamUrl, position: data.position });
    this.rows = []; // not merged yet: [row, whether it is a revision]
    this.needsReload = false;
    this.line = page.line;
    this.connection = new Connection({
      open: (address) => new EventSource(address),
      onEvent: (type, body, id) => this.receive(type, body, id),
      onState: (state, since) => {
        this.line.showConnection(state, since);
        if (state === "open") this.retryRevisions();
      },
    });
    addEventListener("online", () => this.retryRevisions());
    watchPage(this.connection);
    addEventListener("pagehide", () => this.connection.close());
  }

  get isOpen() {
    return this.connection.isOpen;
  }

  /** Follow the timeframe and hours of the loaded bars. `position`: the last event before the bars were requested. */
  follow(position) {
    const { timeframe, session } = this.page.bars;
    const hours = session === "all" ? "" : `&session=${session}`;
    const address = `${this.address.replace("/ohlcv-1m/", `/ohlcv-${timeframe}/`)}?limit=0${hours}`;
    if (address === this.connection.address) return;
    this.rows = [];
    this.needsReload = false;
    this.connection.connect(address, position);
  }

  receive(type, body, id) {
    if (id) this.position = id;
    if (type === "state") this.line.showFeed(body);
    if (type === "snapshot") this.line.showFeed(body.state);
    if (type === "bar" || type === "revision") this.rows.push([body, type === "revision"]);
    else if (type !== "state") this.needsReload = true; // the events since the last one are not known
    if (type === "bar") this.line.showArrival(body);
    this.flushSoon();
  }

  /** The corrections that could not be loaded meanwhile. */
  retryRevisions() {
    if (this.page.bars.list.length && !this.page.state.isLoading) this.page.chart.reportDrawing();
  }

  /** Merge what has arrived: one drawing for many events. */
  flushSoon() {
    if (this.timer !== undefined || !(this.rows.length || this.needsReload)) return;
    this.timer = setTimeout(
      () => {
        this.timer = undefined;
        this.flush();
      },
      this.isBusy ? WAIT : 0,
    );
  }

  /** A response that is on its way may be older than the events; bars must not move under a pressed pointer. */
  get isBusy() {
    const { bars, state } = this.page;
    return state.isLoading || bars.busy !== null || state.isPressed;
  }

  async flush() {
    if (this.isBusy) return this.flushSoon();
    if (this.needsReload) await this.reload();
    else this.merge();
    this.flushSoon();
  }

  /** Load what is shown again. Events that arrive meanwhile are merged afterwards. */
  async reload() {
    const { bars, state, status } = this.page;
    if (!bars.list.length) return this.dropEvents();
    const turn = state.turn;
    const request = {};
    bars.busy = request;
    let range;
    const isLoaded = await status.attempt("stream", "", async () => {
      range = await loadAgain(bars);
    });
    if (bars.busy === request) bars.busy = null;
    if (!state.isCurrent(turn)) return; // another range was requested: it is newer
    if (!isLoaded) return this.waitForRetry();
    this.needsReload = false;
    const before = bars.list;
    bars.replace(range);
    if (bars.list.length) this.page.revisions.reset(bars.first.stamp);
    this.draw(before);
  }

  /** A page without bars has to be loaded again. */
  dropEvents() {
    this.needsReload = false;
    this.rows = [];
  }

  waitForRetry() {
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.flushSoon();
    }, 5000);
  }

  merge() {
    const { bars, revisions } = this.page;
    if (!bars.list.length) return this.dropEvents();
    const rows = this.rows;
    this.rows = [];
    const before = bars.list;
    const changed = mergeRows(
      bars,
      rows.map(([row]) => row),
    );
    const revised = rows.filter(([, isRevision]) => isRevision).map(([row]) => toSeconds(row.ts));
    if (revised.length) revisions.invalidate(Math.min(...revised));
    else if (changed?.isAtEnd) revisions.addNew(changed.earliest);
    if (changed) this.draw(before);
  }

  /** Draw the bars. The visible range stays at its bars; at the end of the series it follows new bars. */
  draw(before) {
    const { bars, chart, legend, state, status } = this.page;
    if (!bars.list.length) {
      chart.clear();
      return status.show("bars", NONE, true);
    }
    const visible = chart.scale.getVisibleLogicalRange();
    const last = before.at(-1);
    const wasAtEnd = visible !== null && visible.to >= before.length - 1;
    chart.draw();
    if (visible) {
      const shift = wasAtEnd ? bars.list.length - before.length : findShift(before, bars.list, visible.from);
      chart.scale.setVisibleLogicalRange({ from: visible.from + shift, to: visible.to + shift });
    }
    const isSelected = legend.bar?.time === state.selected?.time && bars.at(state.pointed) === undefined;
    if (last) state.renewSelection(bars, last);
    legend.show(isSelected ? state.selected : (bars.at(legend.bar?.time) ?? state.selected));
    showDate(this.page);
  }
}
