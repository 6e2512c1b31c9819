// Findings on the chart: a band below the candles, and a sign above them.

import { SIGNS } from "../quality/spans.js";
import { findColour } from "./style.js";

const [MIN_WIDTH, LINE, SIGN_HEIGHT, SIGN_PADDING] = [3, 2, 16, 4]; // pixels

/** Where a band begins and how wide it is, in pixels. One without bars is a line. */
export function fitBand(left, right) {
  const width = Math.max(MIN_WIDTH, right - left);
  return { left: (left + right - width) / 2, width };
}

/** The bands whose signs do not cover the sign before; a chosen one has its sign in any case. `sign`: its width. */
export function chooseSigns(bands) {
  let free = -Infinity;
  return bands.filter(({ left, width, sign, isChosen }) => {
    const start = left + width / 2 - sign / 2;
    if (start < free && !isChosen) return false;
    free = start + sign;
    return true;
  });
}

/** A primitive of the library: it calls `attached` and `paneViews`. */
export class Bands {
  constructor(scale) {
    this.scale = scale;
    this.marks = [];
    const create = (zOrder, draw) => ({
      zOrder: () => zOrder,
      renderer: () => ({ draw: (target) => target.useMediaCoordinateSpace(draw) }),
    });
    this.views = [create("bottom", (space) => this.drawBands(space)), create("top", (space) => this.drawSigns(space))];
  }

  attached({ requestUpdate }) {
    this.requestUpdate = requestUpdate;
  }

  paneViews() {
    return this.views;
  }

  /** Mark the spans of findings. `placed`: {finding, span}; `chosen`: the one that stands out, or null. */
  mark(placed, chosen) {
    this.marks = placed.map(({ finding, span }) => ({
      ...span,
      severity: finding.severity,
      isChosen: finding.id === chosen?.id,
      isResolved: finding.state === "resolved",
    }));
    this.requestUpdate?.();
  }

  paint(colour) {
    this.colour = colour;
    this.requestUpdate?.();
  }

  /** The bands within `width` pixels. */
  place(width) {
    return this.marks
      .map((mark) => {
        const [left, right] = [mark.from, mark.to].map((index) => this.locate(index));
        return left === null || right === null ? null : { ...mark, ...fitBand(left, right) };
      })
      .filter((band) => band !== null && band.left < width && band.left + band.width > 0);
  }

  /** The pixel between two bars; null before the chart has a scale. The library only knows whole indices. */
  locate(half) {
    const [before, after] = [half - 0.5, half + 0.5].map((index) => this.scale.logicalToCoordinate(index));
    return before === null || after === null ? null : (before + after) / 2;
  }

  drawBands({ context, mediaSize: { width, height } }) {
    for (const band of this.place(width)) {
      context.save();
      context.fillStyle = context.strokeStyle = findColour(band.severity, this.colour);
      context.globalAlpha = band.isChosen ? 0.26 : 0.13;
      context.fillRect(band.left, 0, band.width, height);
      context.globalAlpha = 1;
      context.fillRect(band.left, 0, band.width, LINE);
      if (band.isChosen) {
        if (band.isResolved) context.setLineDash([4, 3]);
        context.strokeRect(band.left, 0, band.width, height);
      }
      context.restore();
    }
  }

  drawSigns({ context, mediaSize: { width } }) {
    context.save();
    context.font = "bold 11px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    const bands = this.place(width).map((band) => ({
      ...band,
      text: SIGNS[band.severity],
      sign: context.measureText(SIGNS[band.severity]).width + 2 * SIGN_PADDING,
    }));
    for (const { left, width: size, sign, text, severity } of chooseSigns(bands)) {
      const middle = Math.max(sign / 2, Math.min(width - sign / 2, left + size / 2));
      context.fillStyle = this.colour.panel;
      context.strokeStyle = findColour(severity, this.colour);
      context.fillRect(middle - sign / 2, LINE, sign, SIGN_HEIGHT);
      context.strokeRect(middle - sign / 2, LINE, sign, SIGN_HEIGHT);
      context.fillStyle = context.strokeStyle;
      context.fillText(text, middle, LINE + SIGN_HEIGHT / 2);
    }
    context.restore();
  }
}
