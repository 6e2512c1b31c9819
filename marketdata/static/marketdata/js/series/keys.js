// The chart by keyboard: a cursor that walks from bar to bar, and is spoken.

/** `choose(n)` chooses the nth timeframe. */
export function listenToKeys(element, { bars, chart, legend, choose }) {
  // From the bar in the legend, if it can be seen, or else the last that can.
  const indexNow = () => {
    const { from, to } = chart.scale.getVisibleLogicalRange();
    const index = bars.byTime.get(legend.bar?.time);
    return index >= from && index <= to ? index : Math.min(bars.list.length - 1, Math.floor(to));
  };

  const go = (index) => {
    const bar = bars.list[Math.max(0, Math.min(bars.list.length - 1, index))];
    if (!bar) return;
    keepInView(bars.byTime.get(bar.time));
    chart.point(bar);
    legend.show(bar);
    legend.speak(bar);
  };

  const keepInView = (index) => {
    const { from, to } = chart.scale.getVisibleLogicalRange();
    const shift = index < from ? index - from - 1 : index > to ? index - to + 1 : 0;
    if (shift) chart.scale.setVisibleLogicalRange({ from: from + shift, to: to + shift });
  };

  const zoom = (factor) => {
    const { from, to } = chart.scale.getVisibleLogicalRange();
    const index = bars.byTime.get(legend.bar?.time);
    chart.zoom(factor, index >= from && index <= to ? index : undefined);
  };

  const screen = () => {
    const { from, to } = chart.scale.getVisibleLogicalRange();
    return Math.max(1, Math.floor((to - from) * 0.9));
  };

  const actions = {
    ArrowLeft: () => go(indexNow() - 1),
    ArrowRight: () => go(indexNow() + 1),
    PageUp: () => go(indexNow() - screen()),
    PageDown: () => go(indexNow() + screen()),
    Home: () => go(0),
    End: () => go(bars.list.length - 1),
    "+": () => zoom(0.7),
    "=": () => zoom(0.7),
    "-": () => zoom(1.4),
  };

  element.addEventListener("keydown", (event) => {
    const action = actions[event.key] ?? (/^[1-9]$/.test(event.key) ? () => choose(Number(event.key)) : undefined);
    if (!action || event.ctrlKey || event.metaKey || event.altKey || !bars.list.length) return;
    event.preventDefault();
    action();
  });
}
