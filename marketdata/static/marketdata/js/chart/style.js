// The chart's looks. The style sheet has the colours, light and dark.

import { matchesMedia } from "../shared/media.js";

// The light colours, in case that the style sheet did not load: the library refuses an empty colour.
const COLOURS = {
  panel: "#ffffff",
  ink: "#17202b",
  muted: "#586473",
  line: "#dde2e8",
  grid: "#e9edf1",
  accent: "#1f5fbf",
  up: "#0b7d6f",
  down: "#c43d29",
  volume: "#9fb0c3",
  bad: "#b3261e",
  wait: "#85590a",
};
export const AXIS = 72; // minimum width of the price scale in pixels

export function readColours() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(
    Object.entries(COLOURS).map(([name, colour]) => [name, style.getPropertyValue(`--${name}`).trim() || colour]),
  );
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
    kineticScroll: { touch: !matchesMedia("(prefers-reduced-motion: reduce)") }, // a swipe goes on after the finger has left
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

/** The colour of a finding; its sign has the same meaning. */
export function findColour(severity, colour) {
  return { info: colour.muted, warning: colour.wait }[severity] ?? colour.bad;
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
function styleForming(bar, fill, colour) {
  return { ...bar, color: `${fill}66`, borderColor: colour.ink, wickColor: colour.ink };
}

/** A bar as the library draws it. Provisional ones are pale; the legend and a note name them. */
export function styleCandle(bar, colour) {
  if (!bar.forming && !bar.provisional) return bar;
  const fill = bar.close >= bar.open ? colour.up : colour.down;
  return bar.forming ? styleForming(bar, fill, colour) : { ...bar, color: `${fill}99` };
}
