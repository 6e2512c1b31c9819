// The page of one run: a button beside each command copies it. Without clipboard access, it selects the command.

for (const line of document.querySelectorAll(".command")) {
  const [code, button] = [line.querySelector("code"), line.querySelector("button")];
  button.textContent = navigator.clipboard ? "Copy" : "Select";
  button.classList.add("ready");
  button.addEventListener("click", () =>
    navigator.clipboard ? copy(code, button) : getSelection().selectAllChildren(code),
  );
}

async function copy(code, button) {
  await navigator.clipboard.writeText(code.textContent);
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 2000);
}
