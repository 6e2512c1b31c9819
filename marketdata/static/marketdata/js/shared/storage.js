// Choices that the browser keeps between visits. Its storage may be missing, full or forbidden: then none is kept.

/** The stored text; null if there is none, or no storage. */
export function readStored(name) {
  try {
    return globalThis.localStorage.getItem(name);
  } catch {
    return null;
  }
}

export function writeStored(name, value) {
  try {
    globalThis.localStorage.setItem(name, value);
  } catch {
    // The choice applies to this visit.
  }
}
