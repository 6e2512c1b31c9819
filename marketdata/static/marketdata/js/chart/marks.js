// Marks on the candles: an arrow with a text, and dots below corrected bars.

export class Marks {
  constructor(library, candles) {
    this.marks = library.createSeriesMarkers(candles, []);
    [this.pointer, this.revised] = [[], []];
  }

  /** Mark one bar with a text; without a text, remove the mark. */
  point(time, text) {
    this.pointer = text ? [{ time, text, position: "aboveBar", shape: "arrowDown" }] : [];
  }

  /** Mark corrected bars with a dot below them. */
  revise(times) {
    this.revised = times.map((time) => ({ time, position: "belowBar", shape: "circle", size: 0.6 }));
  }

  draw(color) {
    const marks = [...this.revised, ...this.pointer].sort((one, other) => one.time - other.time);
    this.marks.setMarkers(marks.map((mark) => ({ ...mark, color })));
  }
}
