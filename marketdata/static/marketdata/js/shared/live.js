// Polling while the page is visible.

const INTERVAL = 30_000; // milliseconds

/** Call `refresh` at each interval while the page is visible, and at once when it is visible again after longer. */
export function pollWhileVisible(refresh) {
  let last = Date.now();
  const run = () => {
    if (document.hidden) return;
    last = Date.now();
    refresh();
  };
  setInterval(run, INTERVAL);
  document.addEventListener("visibilitychange", () => {
    if (Date.now() - last >= INTERVAL) run();
  });
}
