// The chart: candles and, in a second pane, volume. Colours come from the style sheet, light and dark.

import { zonedScale } from "../shared/clock.js";

const library = window.LightweightCharts;
const [NARROWEST, USUAL, WIDEST] = [0.15, 7, 48]; // pixels of a bar: at least, of the last bars, and of a handful
const AXIS = 72; // pixels of the price scale, at least
const ROOM = 3; // bars' widths left free behind the last
const dark = matchMedia("(prefers-color-scheme: dark)");

function colours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["panel", "ink", "muted", "line", "grid", "accent", "up", "down", "volume"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

function chartOptions(colour) {
  return {
    layout: {
      background: { type: "solid", color: colour.panel },
      textColor: colour.muted,
      fontFamily: getComputedStyle(document.body).fontFamily,
      attributionLogo: true,
      panes: { separatorColor: colour.line, enableResize: false },
    },
    grid: { vertLines: { color: colour.grid }, horzLines: { color: colour.grid } },
    rightPriceScale: { borderColor: colour.line, minimumWidth: AXIS },
    timeScale: { borderColor: colour.line },
    crosshair: {
      mode: library.CrosshairMode.Normal,
      vertLine: { color: colour.muted, labelBackgroundColor: colour.accent },
      horzLine: { color: colour.muted, labelBackgroundColor: colour.accent },
    },
  };
}

function candleOptions(colour) {
  return {
    upColor: colour.up, wickUpColor: colour.up, borderUpColor: colour.up,
    downColor: colour.down, wickDownColor: colour.down, borderDownColor: colour.down,
    priceLineVisible: false,
    lastValueVisible: false, // it would take the colour of a candle that is still forming: see `label`
  };
}

/** Still forming: an outline, as it may change, in a colour that also shows where it is only a cross. */
function forming(bar, colour) {
  const fill = bar.close >= bar.open ? colour.up : colour.down;
  return { ...bar, color: `${fill}66`, borderColor: colour.ink, wickColor: colour.ink };
}

export class Chart {
  /** `tick` is the smallest step of prices, if it is known. */
  constructor(element, bars, clock, tick) {
    this.bars = bars;
    this.tick = tick;
    this.element = element;
    const Scale = zonedScale(library, clock);
    this.chart = library.createChartEx(element, new Scale(), {
      autoSize: true,
      handleScroll: { vertTouchDrag: false }, // a finger that moves up or down scrolls the page
      timeScale: {
        timeVisible: true, secondsVisible: false, minBarSpacing: NARROWEST, rightOffset: ROOM, fixLeftEdge: true,
        tickMarkFormatter: (time, kind) => clock.tick(time, kind),
      },
      localization: { locale: "en-US", dateFormat: "yyyy-MM-dd", timeFormatter: (time) => clock.long(time) },
    });
    this.candles = this.chart.addSeries(library.CandlestickSeries, {});
    this.volume = this.chart.addSeries(
      library.HistogramSeries, { priceFormat: { type: "volume" }, priceLineVisible: false, lastValueVisible: false }, 1,
    );
    this.label = this.candles.createPriceLine({ price: 0, lineVisible: false, axisLabelVisible: false });
    const [prices, volumes] = this.chart.panes();
    prices.setStretchFactor(4);
    volumes.setStretchFactor(1);
    this.marks = library.createSeriesMarkers(this.candles, []);
    [this.pointer, this.revised] = [[], []];
    this.paint();
    this.scale.subscribeSizeChange(() => this.limit());
    this.scale.subscribeVisibleLogicalRangeChange((seen) => this.hold(seen));
    dark.addEventListener("change", () => this.paint());
    // The footer has the same link: one stop for the keyboard is enough.
    element.querySelector("#tv-attr-logo")?.setAttribute("tabindex", "-1");
  }

  get scale() {
    return this.chart.timeScale();
  }

  paint() {
    const colour = colours();
    this.chart.applyOptions(chartOptions(colour));
    this.candles.applyOptions(candleOptions(colour));
    this.volume.applyOptions({ color: colour.volume });
    this.showMarks();
    if (this.bars.list.length) this.fill(colour);
  }

  /** Take what the bars hold now. Bars put in front do not move what is seen. */
  draw() {
    const precision = this.bars.decimals;
    const minMove = steps(this.tick) ? this.tick : 10 ** -precision;
    this.candles.applyOptions({ priceFormat: { type: "price", precision, minMove } });
    this.fill(colours());
    this.chart.applyOptions({ timeScale: { timeVisible: !this.bars.bySession } });
    this.volume.setData(this.bars.list.map(({ time, volume }) => ({ time, value: volume })));
    this.limit();
    this.onDraw?.();
  }

  fill(colour) {
    this.candles.setData(this.bars.list.map((bar) => (bar.forming ? forming(bar, colour) : bar)));
    const { close, open } = this.bars.last;
    // The last price of the series, not of a stretch in its middle.
    this.label.applyOptions({
      price: close, axisLabelVisible: !this.bars.hasNewer,
      axisLabelColor: close >= open ? colour.up : colour.down, axisLabelTextColor: colour.panel,
    });
  }

  /** The same bars with new marks on the time scale: after the clock changed. */
  redraw() {
    const seen = this.scale.getVisibleLogicalRange();
    this.candles.setData([]);
    this.volume.setData([]);
    this.draw();
    if (seen) this.scale.setVisibleLogicalRange(seen);
  }

  /** Show the bars with these indices, and a little room. */
  show(from, to) {
    const room = Math.max(1, (to - from) * 0.02);
    this.see(from - room, to + room);
    this.candles.priceScale().applyOptions({ autoScale: true });
  }

  /** The last bars that fit at a readable width. */
  showLatest() {
    const end = this.bars.list.length - 1 + ROOM;
    this.see(end - this.width / USUAL, end);
  }

  // --- What can be seen: no further out than there are bars, and no more than a little room behind the last ---

  get width() {
    return this.scale.width() || this.element.clientWidth - AXIS; // which is not there before the first drawing
  }

  see(from, to) {
    const end = this.bars.list.length - 1 + ROOM;
    const wide = Math.min(to - from, this.width / this.narrowest() - 1); // a range of 0 is one bar wide
    const start = Math.max(0, Math.min(to, end) - wide);
    this.scale.setVisibleLogicalRange({ from: start, to: start + wide });
  }

  /** The width of a bar when all are seen; a few are not blown up to fill the chart. */
  narrowest() {
    return Math.max(NARROWEST, Math.min(WIDEST, this.width / (this.bars.list.length + ROOM)));
  }

  limit() {
    this.scale.applyOptions({ minBarSpacing: this.narrowest() });
  }

  /** While the last bar is seen, wheel and fingers stretch the chart from the right edge, else from where they are. */
  hold(seen) {
    const atEnd = seen !== null && seen.to >= this.bars.list.length - 1;
    if (atEnd === this.held) return;
    this.held = atEnd;
    this.scale.applyOptions({ rightBarStaysOnScroll: atEnd });
  }

  /** See so many times as much, around the bar with this index or, without one, from the right edge. */
  zoom(factor, index) {
    const { from, to } = this.scale.getVisibleLogicalRange();
    const wide = Math.max(10, (to - from) * factor);
    const share = index === undefined ? 1 : (index - from) / (to - from);
    const start = (index ?? to) - share * wide;
    this.see(start, start + wide);
  }

  /** Point at one bar with a word; without a word, at none. */
  mark(time, text) {
    this.pointer = text ? [{ time, text, position: "aboveBar", shape: "arrowDown" }] : [];
    this.showMarks();
  }

  /** A dot under each of the bars with these times, which were corrected. */
  markRevised(times) {
    this.revised = times.map((time) => ({ time, position: "belowBar", shape: "circle", size: 0.6 }));
    this.showMarks();
  }

  showMarks() {
    const color = colours().accent;
    const marks = [...this.revised, ...this.pointer].sort((one, other) => one.time - other.time);
    this.marks.setMarkers(marks.map((mark) => ({ ...mark, color })));
  }

  unpoint() {
    this.chart.clearCrosshairPosition();
  }

  point(bar) {
    this.chart.setCrosshairPosition(bar.close, bar.time, this.candles);
  }
}

/** Whether the library can snap prices to this step: only where a whole number of them, of twos and fives, makes 1. */
function steps(tick) {
  let base = Math.round(1 / tick);
  if (!base || Math.abs(base * tick - 1) > 1e-9) return false;
  for (const prime of [2, 5]) while (base % prime === 0) base /= prime;
  return base === 1;
}
