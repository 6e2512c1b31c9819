// Preferences of the reader's system. A browser without media queries has none, and older ones report no change.

export function matchesMedia(query) {
  return globalThis.matchMedia?.(query)?.matches ?? false;
}

/** Call `onChange` when the answer changes. */
export function watchMedia(query, onChange) {
  globalThis.matchMedia?.(query)?.addEventListener?.("change", onChange);
}
