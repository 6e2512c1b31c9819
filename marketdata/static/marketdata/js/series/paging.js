// Loading more bars while panning.

const EDGE = 150; // remaining bars at an edge at which the next page is requested

/** Extend after the drawing: before, the chart reports other ranges. */
export function extendSoon(page) {
  if (!page.state.schedule()) return;
  page.chart.afterDrawing(() => {
    page.state.startScheduled();
    extend(page);
  });
}

async function extend({ bars, chart, state, status }) {
  const visible = chart.scale.getVisibleLogicalRange();
  if (!visible || !bars.list.length || bars.busy || state.isLoading) return;
  if (visible.from < EDGE && bars.hasOlder) {
    await status.attempt("more", "Loading older bars…", async () => {
      if (await bars.loadOlder()) chart.draw();
    });
  } else if (visible.to > bars.list.length - EDGE && bars.hasNewer && !state.isPressed) {
    // Bars added at the end move the chart under a pressed pointer: wait until it is released.
    await status.attempt("more", "Loading newer bars…", async () => {
      if (!(await bars.loadNewer())) return;
      const before = chart.scale.getVisibleLogicalRange();
      chart.draw();
      chart.scale.setVisibleLogicalRange(before);
    });
  }
}

export function listenToPanning(page) {
  page.chart.scale.subscribeVisibleLogicalRangeChange(() => extendSoon(page));
  page.chart.element.addEventListener("pointerdown", (event) => page.state.press(event.pointerType !== "mouse"));
  // A menu or another window can keep the release of the pointer from the page.
  for (const event of ["pointerup", "pointercancel", "blur"]) {
    addEventListener(event, () => {
      page.state.release();
      extendSoon(page);
    });
  }
}
