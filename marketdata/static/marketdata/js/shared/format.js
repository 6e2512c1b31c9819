// Numbers and lengths of time as texts.

/** 1,234 */
export const formatCount = (count) => count.toLocaleString("en-US");

/** 49 h 5 min */
export function formatLength(minutes) {
  if (minutes < 60) return minutes === 1 ? "1 minute" : `${minutes} minutes`;
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)} h${rest ? ` ${rest} min` : ""}`;
}
