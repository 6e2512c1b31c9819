// What the page of one series remembers between events. Each change has a name; other modules only read the fields.

export class PageState {
  /** `timeframe` and `session`: those of the loaded bars. */
  constructor(timeframe, session = "all") {
    this.session = session; // the pressed button, as for the timeframe
    this.requested = timeframe; // the pressed button; differs from the chart's timeframe while that loads
    this.turn = 0; // counts requests: the response to an outdated request is not drawn
    this.isLoading = false;
    this.start = null; // where the shown range starts; null: at the end of the series
    this.selected = undefined; // the bar in the legend while the crosshair is on no bar
    this.pointed = undefined; // the time under the crosshair
    this.kept = undefined; // the moment of the last change of timeframe, until the chart moves
    this.isPressed = false; // whether a pointer is pressed on the chart
    this.isTouch = false; // whether the last pointer was no mouse
    this.isScheduled = false; // whether the range is extended with one of the next frames
  }

  /** A request for another range starts. Returns its turn. */
  startRequest(timeframe) {
    this.turn += 1;
    this.isLoading = true;
    this.requested = timeframe;
    this.kept = undefined;
    return this.turn;
  }

  /** The next requests are for these hours. */
  requestSession(session) {
    this.session = session;
  }

  isCurrent(turn) {
    return turn === this.turn;
  }

  /** The current request has ended; `timeframe` and `session`: those of the loaded bars. */
  endRequest(timeframe, session = this.session) {
    this.isLoading = false;
    this.requested = timeframe;
    this.session = session;
  }

  /** `start`: null if the end of the series is shown. */
  showFrom(start) {
    this.start = start;
  }

  select(bar) {
    this.selected = bar;
  }

  /** The selected bar after new bars arrived: the new last one instead of the previous one, `last`. */
  renewSelection(bars, last) {
    this.selected = this.selected?.time === last.time ? bars.last : (bars.at(this.selected?.time) ?? this.selected);
  }

  /** `time`: undefined when the crosshair leaves the chart. */
  point(time) {
    this.pointed = time;
  }

  press(isTouch) {
    this.isPressed = true;
    this.isTouch = isTouch;
  }

  release() {
    this.isPressed = false;
  }

  /** Keep the moment: coarse candles would lose it at the next change of timeframe. */
  keep(moment) {
    this.kept = moment;
  }

  /** The chart was moved. */
  forget() {
    this.kept = undefined;
  }

  /** True if nothing was scheduled before. */
  schedule() {
    if (this.isScheduled) return false;
    this.isScheduled = true;
    return true;
  }

  startScheduled() {
    this.isScheduled = false;
  }
}
