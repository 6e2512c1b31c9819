// The findings of the shown range, as a list below the chart.

import { formatRange } from "../coverage/gap_texts.js";
import { formatFindings, SIGNS } from "./spans.js";

const MAX_SHOWN = 100;

export class FindingsList {
  /** `section` has the list and its heading. `address`: that of the pages of findings. `onFinding(finding)` after a click. */
  constructor(section, { address, clock, onFinding }) {
    Object.assign(this, { section, address, clock, onFinding });
    [this.count, this.box] = ["#findings-count", "#findings-list"].map((name) => section.querySelector(name));
    this.shown = null;
  }

  /** `findings`: those of the shown range. `chosen`: the one that was opened, or null. */
  show(findings, chosen) {
    const listed = JSON.stringify([this.clock.zone, chosen?.id, findings]);
    if (listed === this.shown) return; // a new list would lose the focus
    this.shown = listed;
    if (findings.length) this.section.hidden = false;
    this.count.textContent = `${formatFindings(findings.length)} in the shown range`;
    this.box.replaceChildren(...findings.slice(0, MAX_SHOWN).map((one) => this.createItem(one, one.id === chosen?.id)));
    if (findings.length > MAX_SHOWN) this.box.append(createPart("li", "muted", `The first ${MAX_SHOWN} are listed.`));
    this.box.querySelector("[aria-current]")?.scrollIntoView?.({ block: "nearest" });
  }

  createItem(finding, isChosen) {
    const item = document.createElement("li");
    if (isChosen) item.setAttribute("aria-current", "true");
    const { severity, state } = finding;
    const link = createPart("a", "", finding.kind);
    link.href = `${this.address}${finding.id}/`;
    const range = createPart("button", "quiet", formatRange(finding.start, finding.end, this.clock));
    Object.assign(range, { type: "button", title: "Show in the chart" });
    range.addEventListener("click", () => this.onFinding(finding));
    item.append(
      createPart("span", `severity ${severity}`, `${SIGNS[severity]} ${severity}`),
      " ",
      link,
      " ",
      range,
      " ",
    );
    if (state !== "open") item.append(createPart("span", "muted", state), " ");
    item.append(finding.text);
    return item;
  }
}

function createPart(tag, className, textContent) {
  return Object.assign(document.createElement(tag), { className, textContent });
}
