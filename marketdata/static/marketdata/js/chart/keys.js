// Keyboard control of the chart: a cursor that moves from bar to bar, with spoken values.

/** `choose(n)` selects the nth timeframe, from 1. */
export function listenToKeys(element, { bars, chart, legend, choose }) {
  // The bar in the legend if it is visible, otherwise the last visible bar.
  const getIndex = () => {
    const { from, to } = chart.scale.getVisibleLogicalRange();
    const index = bars.byTime.get(legend.bar?.time);
    return index >= from && index <= to ? index : Math.min(bars.list.length - 1, Math.floor(to));
  };

  let target; // where the cursor is, or will be after the next drawing

  const go = (index) => {
    const bar = bars.list[Math.max(0, Math.min(bars.list.length - 1, index))];
    if (!bar) return;
    target = bar;
    chart.revealPrice(bar);
    if (scrollIntoView(bars.byTime.get(bar.time))) {
      // The library loses a cursor that is outside of what it has drawn.
      chart.clearPoint();
      chart.afterDrawing(() => target === bar && bars.at(bar.time) === bar && chart.point(bar));
    } else chart.point(bar);
    legend.show(bar);
    legend.speak(bar);
  };

  /** True if the chart had to move. */
  const scrollIntoView = (index) => {
    const { from, to } = chart.scale.getVisibleLogicalRange();
    const shift = index < from ? index - from - 1 : index > to ? index - to + 1 : 0;
    if (shift) chart.scale.setVisibleLogicalRange({ from: from + shift, to: to + shift });
    return shift !== 0;
  };

  const zoom = (factor) => {
    const { from, to } = chart.scale.getVisibleLogicalRange();
    const index = bars.byTime.get(legend.bar?.time);
    chart.viewport.zoom(factor, index >= from && index <= to ? index : undefined);
  };

  const countVisible = () => {
    const { from, to } = chart.scale.getVisibleLogicalRange();
    return Math.max(1, Math.floor((to - from) * 0.9));
  };

  const actions = {
    ArrowLeft: () => go(getIndex() - 1),
    ArrowRight: () => go(getIndex() + 1),
    PageUp: () => go(getIndex() - countVisible()),
    PageDown: () => go(getIndex() + countVisible()),
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
