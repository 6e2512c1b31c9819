// The list of findings: one box chooses all of the page.

const all = document.getElementById("choose-all");
const boxes = [...document.querySelectorAll('input[name="finding"][type="checkbox"]')];

if (all) {
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
  });
  for (const box of boxes) {
    box.addEventListener("change", () => {
      const chosen = boxes.filter((one) => one.checked).length;
      all.checked = chosen === boxes.length;
      all.indeterminate = chosen > 0 && chosen < boxes.length;
    });
  }
}
