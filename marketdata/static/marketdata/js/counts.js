// Exact counts of long series: the page comes with a lower bound, and asks for the rest one series at a time.

import { ApiError, getJson } from "./api.js";

export async function fillCounts() {
  for (const cell of document.querySelectorAll("[data-stats-url]")) {
    try {
      const stats = await getJson(cell.dataset.statsUrl);
      cell.textContent = stats.row_count.toLocaleString("en-US");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return; // the lower bound stays
    }
  }
}
