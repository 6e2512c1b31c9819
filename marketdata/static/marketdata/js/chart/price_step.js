// The smallest step of prices on the axis.

/** `tick`: that of the instrument; 0 if unknown. `decimals`: the highest number of decimals of the prices. */
export function findStep(tick, decimals) {
  return isExactStep(tick) ? tick : 10 ** -decimals;
}

/** Whether the library can snap prices to this step: 1 / tick must be an integer with no prime factors but 2 and 5. */
function isExactStep(tick) {
  let base = Math.round(1 / tick);
  if (!base || Math.abs(base * tick - 1) > 1e-9) return false;
  for (const prime of [2, 5]) while (base % prime === 0) base /= prime;
  return base === 1;
}
