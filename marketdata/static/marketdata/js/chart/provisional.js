// A note about the loaded bars of the live feed that history has not confirmed yet.

/** "Provisional since Wed 2026-11-25 14:31 UTC: …". Empty without provisional bars. `formatTime(bar)` formats the time of
 * a bar. */
export function describeProvisional(list, formatTime) {
  const first = list.find((bar) => bar.provisional);
  return first ? `Provisional since ${formatTime(first)}: until history confirms the bars, they can change.` : "";
}
