// The visible range of the chart: within the loaded bars, with a small space after the last.

import { AXIS } from "./style.js";

// Pixels per bar: at least, in `showLatest`, and at most when all bars are visible.
export const MIN_WIDTH = 0.15;
const LATEST_WIDTH = 7;
const MAX_WIDTH = 48;
export const ROOM = 3; // free space after the last bar, in bar widths

export class Viewport {
  /** `scale`: the library's time scale. */
  constructor(scale, bars, element) {
    Object.assign(this, { scale, bars, element });
    scale.subscribeSizeChange(() => this.limitZoom());
    scale.subscribeVisibleLogicalRangeChange((range) => this.anchorEnd(range));
  }

  /** Show the bars with these indices and a small margin. */
  show(from, to) {
    const margin = Math.max(1, (to - from) * 0.02);
    this.setRange(from - margin, to + margin);
  }

  /** Show the last bars, at a readable width. */
  showLatest() {
    const end = this.bars.list.length - 1 + ROOM;
    this.setRange(end - this.width / LATEST_WIDTH, end);
  }

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
}
