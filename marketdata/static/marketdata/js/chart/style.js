// The chart's looks. The style sheet has the colours, light and dark.

const NAMES = ["panel", "ink", "muted", "line", "grid", "accent", "up", "down", "volume"];
export const AXIS = 72; // minimum width of the price scale in pixels

export function readColours() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

export function buildChartOptions(colour, { CrosshairMode }) {
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
      mode: CrosshairMode.Normal,
      vertLine: { color: colour.muted, labelBackgroundColor: colour.accent },
      horzLine: { color: colour.muted, labelBackgroundColor: colour.accent },
    },
  };
}

export function buildCandleOptions(colour) {
  return {
    upColor: colour.up,
    wickUpColor: colour.up,
    borderUpColor: colour.up,
    downColor: colour.down,
    wickDownColor: colour.down,
    borderDownColor: colour.down,
    priceLineVisible: false,
    lastValueVisible: false, // it would have the outline colour of a forming candle: see `buildLabelOptions`
  };
}

/** How the chart scrolls, and how it formats times; `widths` in bars and pixels. */
export function buildBehaviour(clock, widths) {
  return {
    autoSize: true,
    handleScroll: { vertTouchDrag: false }, // a vertical swipe scrolls the page
    timeScale: {
      ...widths,
      timeVisible: true,
      secondsVisible: false,
      fixLeftEdge: true,
      tickMarkFormatter: (time, kind) => clock.tick(time, kind),
    },
    localization: { locale: "en-US", dateFormat: "yyyy-MM-dd", timeFormatter: (time) => clock.long(time) },
  };
}

/** The label of the last price on the axis. */
export function buildLabelOptions({ close, open }, colour) {
  return {
    price: close,
    axisLabelColor: close >= open ? colour.up : colour.down,
    axisLabelTextColor: colour.panel,
  };
}

/** A forming candle has an outline, in a colour that is visible even if the candle is only a cross. */
export function styleForming(bar, colour) {
  const fill = bar.close >= bar.open ? colour.up : colour.down;
  return { ...bar, color: `${fill}66`, borderColor: colour.ink, wickColor: colour.ink };
}
