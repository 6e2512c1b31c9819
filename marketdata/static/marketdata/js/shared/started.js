// Reports a page whose script did not start: a module did not load, or the browser is too old for modules. Therefore this
// script is no module, and imports nothing.

addEventListener("load", () => {
  if (!("started" in document.getElementById("series").dataset)) document.getElementById("not-started").hidden = false;
});
