// Crosshair, keys, buttons and forms of the chart.

import { listenToKeys } from "../chart/keys.js";
import { changeTimeframe, showLatest, showRange } from "./ranges.js";
import { timeframes } from "./switches.js";

export function listenToControls(page) {
  const { bars, chart, clock, legend } = page;
  listenToCrosshair(page);
  listenToKeys(chart.element, { bars, chart, legend, choose: (number) => timeframes[number - 1]?.click() });
  document.getElementById("latest").addEventListener("click", () => showLatest(page));
  document.getElementById("jump").addEventListener("submit", (event) => {
    event.preventDefault();
    const date = document.getElementById("jump-date").value;
    showRange(page, clock.midnight(date), clock.nextMidnight(date));
  });
  for (const choice of timeframes) choice.addEventListener("change", () => changeTimeframe(page, choice.value));
  for (const event of ["pointerdown", "wheel", "keydown"]) {
    chart.element.addEventListener(event, () => page.state.forget(), { passive: true });
  }
}

function listenToCrosshair({ bars, chart, legend, state }) {
  chart.chart.subscribeCrosshairMove(({ time }) => {
    state.point(time);
    legend.show(bars.at(time) ?? state.selected);
  });
  chart.chart.subscribeClick(({ time }) => {
    const bar = bars.at(time);
    if (!bar) return;
    state.select(bar);
    legend.show(bar);
    if (state.isTouch) chart.point(bar); // a tap leaves no crosshair
  });
}
