// The chart: candles, and volume in a second pane.

import { watchMedia } from "../shared/media.js";
import { Bands } from "./bands.js";
import { Marks } from "./marks.js";
import { findStep } from "./price_step.js";
import {
  buildBehaviour,
  buildCandleOptions,
  buildChartOptions,
  buildLabelOptions,
  readColours,
  styleCandle,
} from "./style.js";
import { createZonedScale } from "./time_scale.js";
import { MIN_WIDTH, ROOM, Viewport } from "./viewport.js";

const library = window.LightweightCharts;

/** Whether the browser has loaded the library that draws. */
export const hasLibrary = () => library !== undefined;

export class Chart {
  /** `tick`: the smallest price step; 0 if unknown. Throws an error if the browser has no canvas. */
  constructor(element, bars, clock, tick) {
    // The library draws with the next frame, when this page could not report the error.
    if (!document.createElement("canvas").getContext("2d")) throw new Error("The browser has no canvas.");
    this.bars = bars;
    this.tick = tick;
    this.element = element;
    const Scale = createZonedScale(library, clock);
    this.chart = library.createChartEx(
      element,
      new Scale(),
      buildBehaviour(clock, { minBarSpacing: MIN_WIDTH, rightOffset: ROOM }),
    );
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
    this.marks = new Marks(library, this.candles);
    this.bands = new Bands(this.scale);
    this.candles.attachPrimitive(this.bands);
    this.listeners = [];
    this.paint();
    this.viewport = new Viewport(this.scale, bars, element);
    watchMedia("(prefers-color-scheme: dark)", () => this.paint());
    // The library follows the element's size where the browser has ResizeObserver.
    if (!globalThis.ResizeObserver) addEventListener("resize", () => this.resize());
    // The footer has the same link; a second one would only be another stop of the Tab key.
    element.querySelector("#tv-attr-logo")?.setAttribute("tabindex", "-1");
  }

  resize() {
    this.chart.resize(this.element.clientWidth, this.element.clientHeight);
  }

  get scale() {
    return this.chart.timeScale();
  }

  paint() {
    const colour = readColours();
    this.chart.applyOptions(buildChartOptions(colour, library));
    this.candles.applyOptions(buildCandleOptions(colour));
    this.volume.applyOptions({ color: colour.volume });
    this.marks.draw(colour.accent);
    this.bands.paint(colour);
    if (this.bars.list.length) this.fill(colour);
  }

  /** Draw the loaded bars. Bars added at the start do not move the visible range. */
  draw() {
    const precision = this.bars.decimals;
    const priceFormat = { type: "price", precision, minMove: findStep(this.tick, precision) };
    this.candles.applyOptions({ priceFormat });
    this.fill(readColours());
    this.chart.applyOptions({ timeScale: { timeVisible: !this.bars.bySession } });
    this.volume.setData(this.bars.list.map(({ time, volume }) => ({ time, value: volume })));
    this.viewport.limitZoom();
    this.reportDrawing();
  }

  /** Call what follows each drawing. */
  reportDrawing() {
    for (const listener of this.listeners) listener();
  }

  /** Call `listener` after each drawing. */
  listenToDrawing(listener) {
    this.listeners.push(listener);
  }

  /** Draw nothing: all bars were removed. */
  clear() {
    for (const series of [this.candles, this.volume]) series.setData([]);
    this.label.applyOptions({ axisLabelVisible: false });
  }

  fill(colour) {
    this.candles.setData(this.bars.list.map((bar) => styleCandle(bar, colour)));
    // Only the last price of the series is labelled, not that of a range in its middle.
    this.label.applyOptions({ ...buildLabelOptions(this.bars.last, colour), axisLabelVisible: !this.bars.hasNewer });
  }

  /** Draw the same bars with new tick marks, after a change of the time zone. */
  redraw() {
    if (!this.bars.list.length) return;
    const visible = this.scale.getVisibleLogicalRange();
    this.candles.setData([]);
    this.volume.setData([]);
    this.draw();
    if (visible) this.scale.setVisibleLogicalRange(visible);
  }

  /** Scale prices and volumes to the visible bars again, after an axis was dragged. */
  scalePrices() {
    for (const series of [this.candles, this.volume]) series.priceScale().applyOptions({ autoScale: true });
  }

  /** Scale the prices again if the bar is above or below the dragged axis. */
  revealPrice(bar) {
    const height = this.candles.priceToCoordinate(bar.close);
    if (height < 0 || height > this.chart.paneSize(0).height) this.scalePrices();
  }

  /** Mark one bar with a text; without a text, remove the mark. */
  mark(time, text) {
    this.marks.point(time, text);
    this.marks.draw(readColours().accent);
  }

  /** Mark corrected bars. */
  markRevised(times) {
    this.marks.revise(times);
    this.marks.draw(readColours().accent);
  }

  /** Call `work` after two frames: the library applies a new visible range with the next one. */
  afterDrawing(work) {
    requestAnimationFrame(() => requestAnimationFrame(work));
  }

  clearPoint() {
    this.chart.clearCrosshairPosition();
  }

  point(bar) {
    this.chart.setCrosshairPosition(bar.close, bar.time, this.candles);
  }
}
