// The chart: candles, and volume in a second pane. The style sheet has the colours, light and dark.

import { createZonedScale } from "../shared/clock.js";

const library = window.LightweightCharts;
// Pixels per bar: at least, in `showLatest`, and at most when all bars are visible.
const [MIN_WIDTH, LATEST_WIDTH, MAX_WIDTH] = [0.15, 7, 48];
const AXIS = 72; // minimum width of the price scale in pixels
const ROOM = 3; // free space after the last bar, in bar widths
const dark = matchMedia("(prefers-color-scheme: dark)");

function readColours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["panel", "ink", "muted", "line", "grid", "accent", "up", "down", "volume"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

function buildChartOptions(colour) {
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

function buildCandleOptions(colour) {
  return {
    upColor: colour.up,
    wickUpColor: colour.up,
    borderUpColor: colour.up,
    downColor: colour.down,
    wickDownColor: colour.down,
    borderDownColor: colour.down,
    priceLineVisible: false,
    lastValueVisible: false, // it would have the outline colour of a forming candle: see `label`
  };
}

/** A forming candle has an outline, in a colour that is visible even if the candle is only a cross. */
function styleForming(bar, colour) {
  const fill = bar.close >= bar.open ? colour.up : colour.down;
  return { ...bar, color: `${fill}66`, borderColor: colour.ink, wickColor: colour.ink };
}

export class Chart {
  /** `tick`: the smallest price step; 0 if unknown. */
  constructor(element, bars, clock, tick) {
    this.bars = bars;
    this.tick = tick;
    this.element = element;
    const Scale = createZonedScale(library, clock);
    this.chart = library.createChartEx(element, new Scale(), {
      autoSize: true,
      handleScroll: { vertTouchDrag: false }, // a vertical swipe scrolls the page
      timeScale: {
        timeVisible: true,
        secondsVisible: false,
        minBarSpacing: MIN_WIDTH,
        rightOffset: ROOM,
        fixLeftEdge: true,
        tickMarkFormatter: (time, kind) => clock.tick(time, kind),
      },
      localization: { locale: "en-US", dateFormat: "yyyy-MM-dd", timeFormatter: (time) => clock.long(time) },
    });
    this.candles = this.chart.addSeries(library.CandlestickSeries, {});
    this.volume = this.chart.addSeries(
      library.HistogramSeries,
      { priceFormat: { type: "volume" }, priceLineVisible: false, lastValueVisible: false },
      1,
    );
    this.label = this.candles.createPriceLine({ price: 0, lineVisible: false, axisLabelVisible: false });
    const [prices, volumes] = this.chart.panes();
    prices.setStretchFactor(4);
    volumes.setStretchFactor(1);
    this.marks = library.createSeriesMarkers(this.candles, []);
    [this.pointer, this.revised] = [[], []];
    this.paint();
    this.scale.subscribeSizeChange(() => this.limitZoom());
    this.scale.subscribeVisibleLogicalRangeChange((range) => this.anchorEnd(range));
    dark.addEventListener("change", () => this.paint());
    // The footer has the same link; a second one would only be another stop of the Tab key.
    element.querySelector("#tv-attr-logo")?.setAttribute("tabindex", "-1");
  }

  get scale() {
    return this.chart.timeScale();
  }

  paint() {
    const colour = readColours();
    this.chart.applyOptions(buildChartOptions(colour));
    this.candles.applyOptions(buildCandleOptions(colour));
    this.volume.applyOptions({ color: colour.volume });
    this.showMarks();
    if (this.bars.list.length) this.fill(colour);
  }

  /** Draw the loaded bars. Bars added at the start do not move the visible range. */
  draw() {
    const precision = this.bars.decimals;
    const minMove = isExactStep(this.tick) ? this.tick : 10 ** -precision;
    this.candles.applyOptions({ priceFormat: { type: "price", precision, minMove } });
    this.fill(readColours());
    this.chart.applyOptions({ timeScale: { timeVisible: !this.bars.bySession } });
    this.volume.setData(this.bars.list.map(({ time, volume }) => ({ time, value: volume })));
    this.limitZoom();
    this.onDraw?.();
  }

  fill(colour) {
    this.candles.setData(this.bars.list.map((bar) => (bar.forming ? styleForming(bar, colour) : bar)));
    const { close, open } = this.bars.last;
    // Only the last price of the series is labelled, not that of a range in its middle.
    this.label.applyOptions({
      price: close,
      axisLabelVisible: !this.bars.hasNewer,
      axisLabelColor: close >= open ? colour.up : colour.down,
      axisLabelTextColor: colour.panel,
    });
  }

  /** Draw the same bars with new tick marks, after a change of the time zone. */
  redraw() {
    const visible = this.scale.getVisibleLogicalRange();
    this.candles.setData([]);
    this.volume.setData([]);
    this.draw();
    if (visible) this.scale.setVisibleLogicalRange(visible);
  }

  /** Show the bars with these indices and a small margin. */
  show(from, to) {
    const margin = Math.max(1, (to - from) * 0.02);
    this.setRange(from - margin, to + margin);
    this.candles.priceScale().applyOptions({ autoScale: true });
  }

  /** Show the last bars, at a readable width. */
  showLatest() {
    const end = this.bars.list.length - 1 + ROOM;
    this.setRange(end - this.width / LATEST_WIDTH, end);
  }

  // --- The visible range: within the loaded bars, with a small space after the last ---

  get width() {
    return this.scale.width() || this.element.clientWidth - AXIS; // the scale has no width before the first drawing
  }

  setRange(from, to) {
    const end = this.bars.list.length - 1 + ROOM;
    const count = Math.min(to - from, this.width / this.findMinWidth() - 1); // a range of 0 is one bar wide
    const start = Math.max(0, Math.min(to, end) - count);
    this.scale.setVisibleLogicalRange({ from: start, to: start + count });
  }

  /** The width of a bar when all are visible. A few bars do not fill the chart: they would be too wide. */
  findMinWidth() {
    return Math.max(MIN_WIDTH, Math.min(MAX_WIDTH, this.width / (this.bars.list.length + ROOM)));
  }

  limitZoom() {
    this.scale.applyOptions({ minBarSpacing: this.findMinWidth() });
  }

  /** While the last bar is visible, wheel and pinch zoom from the right edge; otherwise from the pointer. */
  anchorEnd(range) {
    const atEnd = range !== null && range.to >= this.bars.list.length - 1;
    if (atEnd === this.anchored) return;
    this.anchored = atEnd;
    this.scale.applyOptions({ rightBarStaysOnScroll: atEnd });
  }

  /** Multiply the visible range by `factor`, around the bar with this index; without one, from the right edge. */
  zoom(factor, index) {
    const { from, to } = this.scale.getVisibleLogicalRange();
    const count = Math.max(10, (to - from) * factor);
    const share = index === undefined ? 1 : (index - from) / (to - from);
    const start = (index ?? to) - share * count;
    this.setRange(start, start + count);
  }

  /** Mark one bar with a text; without a text, remove the mark. */
  mark(time, text) {
    this.pointer = text ? [{ time, text, position: "aboveBar", shape: "arrowDown" }] : [];
    this.showMarks();
  }

  /** Mark corrected bars with a dot below them. */
  markRevised(times) {
    this.revised = times.map((time) => ({ time, position: "belowBar", shape: "circle", size: 0.6 }));
    this.showMarks();
  }

  showMarks() {
    const color = readColours().accent;
    const marks = [...this.revised, ...this.pointer].sort((one, other) => one.time - other.time);
    this.marks.setMarkers(marks.map((mark) => ({ ...mark, color })));
  }

  clearPoint() {
    this.chart.clearCrosshairPosition();
  }

  point(bar) {
    this.chart.setCrosshairPosition(bar.close, bar.time, this.candles);
  }
}

/** Whether the library can snap prices to this step: 1 / tick must be an integer with no prime factors but 2 and 5. */
function isExactStep(tick) {
  let base = Math.round(1 / tick);
  if (!base || Math.abs(base * tick - 1) > 1e-9) return false;
  for (const prime of [2, 5]) while (base % prime === 0) base /= prime;
  return base === 1;
}
