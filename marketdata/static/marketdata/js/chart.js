// The chart: candles and, in a second pane, volume. Colours come from the style sheet, light and dark.

import { zonedScale } from "./clock.js";

const library = window.LightweightCharts;
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
    rightPriceScale: { borderColor: colour.line, minimumWidth: 72 },
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
  };
}

export class Chart {
  constructor(element, bars, clock) {
    this.bars = bars;
    this.element = element;
    const Scale = zonedScale(library, clock);
    this.chart = library.createChartEx(element, new Scale(), {
      autoSize: true,
      handleScroll: { vertTouchDrag: false }, // a finger that moves up or down scrolls the page
      timeScale: {
        timeVisible: true, secondsVisible: false, minBarSpacing: 0.15, rightOffset: 3,
        tickMarkFormatter: (time, kind) => clock.tick(time, kind),
      },
      localization: { locale: "en-US", dateFormat: "yyyy-MM-dd", timeFormatter: (time) => clock.long(time) },
    });
    this.candles = this.chart.addSeries(library.CandlestickSeries, {});
    this.volume = this.chart.addSeries(
      library.HistogramSeries, { priceFormat: { type: "volume" }, priceLineVisible: false, lastValueVisible: false }, 1,
    );
    const [prices, volumes] = this.chart.panes();
    prices.setStretchFactor(4);
    volumes.setStretchFactor(1);
    this.marks = library.createSeriesMarkers(this.candles, []);
    [this.pointer, this.revised] = [[], []];
    this.paint();
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
  }

  /** Take what the bars hold now. Bars put in front do not move what is seen. */
  draw() {
    const precision = this.bars.decimals;
    this.candles.applyOptions({ priceFormat: { type: "price", precision, minMove: 10 ** -precision } });
    const { panel } = colours();
    // Still forming: only the outline, as it may change.
    this.candles.setData(this.bars.list.map((bar) => (bar.forming ? { ...bar, color: panel } : bar)));
    this.chart.applyOptions({ timeScale: { timeVisible: !this.bars.bySession } });
    this.volume.setData(this.bars.list.map(({ time, volume }) => ({ time, value: volume })));
    this.onDraw?.();
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
    this.scale.setVisibleLogicalRange({ from: from - room, to: to + room });
    this.candles.priceScale().applyOptions({ autoScale: true });
  }

  /** The last bars that fit at a readable width. */
  showLatest() {
    const count = this.bars.list.length;
    this.scale.setVisibleLogicalRange({ from: count - this.element.clientWidth / 7, to: count + 2 });
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
