// Corrected and provisional bars, and the latest close: what follows each drawing of the chart.

import { padDecimals } from "../bars/decimals.js";
import { describeProvisional } from "../chart/provisional.js";

export function showCorrections({ bars, chart, clock, legend, revisions, status }) {
  const close = document.getElementById("latest-close");
  const note = document.getElementById("provisional");
  chart.listenToDrawing(async () => {
    close.textContent = padDecimals(
      bars.hasNewer || bars.session === "regular" ? close.textContent : bars.last.text.close,
      bars.decimals,
    );
    note.textContent = describeProvisional(bars.list, (bar) => legend.formatTime(bar));
    chart.markRevised(revisions.count());
    // After an error, the next drawing requests the revisions again.
    const isLoaded = await status.attempt("revisions", "", () => revisions.load());
    chart.markRevised(revisions.count());
    legend.show(legend.bar);
    if (isLoaded && revisions.cut !== null) {
      const cut = clock.long(revisions.cut);
      status.show("revisions", `Corrected minutes before ${cut} are not shown: there are too many.`);
    }
  });
}
