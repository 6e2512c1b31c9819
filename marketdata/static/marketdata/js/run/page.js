// The pages of runs and jobs, and the overview: copies commands, and follows what is running.

import { follow } from "./follow.js";

// A button beside each command copies it. Without access to the clipboard, or if that is refused, it selects the command.
function prepareButtons() {
  for (const line of document.querySelectorAll(".command:not(.prepared)")) {
    const [code, button] = [line.querySelector("code"), line.querySelector("button")];
    line.classList.add("prepared");
    button.textContent = navigator.clipboard ? "Copy" : "Select";
    button.classList.add("ready");
    button.addEventListener("click", () => copy(code, button));
  }
}

async function copy(code, button) {
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {
    button.textContent = "Select";
    getSelection().selectAllChildren(code);
    return;
  }
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 2000);
}

prepareButtons();
follow(prepareButtons);
