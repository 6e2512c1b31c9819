// What is asked for again and again, as long as somebody looks at it.

const EVERY = 30_000; // milliseconds

/** `refresh` every so often while the page can be seen, and at once when it is seen again after longer. */
export function whileSeen(refresh) {
  let last = Date.now();
  const run = () => {
    if (document.hidden) return;
    last = Date.now();
    refresh();
  };
  setInterval(run, EVERY);
  document.addEventListener("visibilitychange", () => {
    if (Date.now() - last >= EVERY) run();
  });
}
