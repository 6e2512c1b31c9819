// Marks days with findings in the heat map.

import { countBetween, formatFindings } from "./spans.js";

/** `box`: the drawn heat map. Only marks and labels change. */
export function markDays(box, findings) {
  for (const button of box.querySelectorAll("button[data-day]")) {
    const count = countBetween(findings, Number(button.dataset.day), Number(button.dataset.end));
    if (!count) continue;
    button.classList.add("heat-finding");
    button.title = `${button.title}, ${formatFindings(count)}`;
    button.setAttribute("aria-label", button.title);
  }
}
