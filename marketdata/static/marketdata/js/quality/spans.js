// Findings of the API as the page shows them, and where they are on the chart.

import { toSeconds } from "../shared/api.js";

// Severities differ by more than a colour.
export const SIGNS = { info: "i", warning: "!", error: "!!", critical: "!!!" };

/** Times in UTC seconds; `end` is not included. */
export function readFinding({ id, kind, severity, series, state, text, start, end }) {
  return {
    id,
    severity,
    series,
    state,
    text,
    kind: kind.replaceAll("_", " "),
    start: toSeconds(start),
    end: toSeconds(end),
  };
}

/** {from, to}: where the finding is among the loaded bars, in indices, at whose half the next bar begins. Both are the
 * same where no bar is in it: minutes without bars have no room on the chart. Null if it is outside of what is loaded. */
export function findSpan({ start, end }, bars) {
  const count = bars.list.length;
  if (!count) return null;
  const first = bars.findContaining(start) ?? bars.countTo(start);
  const stop = Math.max(first, countBefore(end, bars));
  if ((first === count && bars.hasNewer) || (stop === 0 && bars.hasOlder)) return null;
  return { from: first - 0.5, to: stop - 0.5 };
}

/** The number of bars that begin before `moment`. */
function countBefore(moment, bars) {
  const count = bars.countTo(moment);
  return count > 0 && bars.list[count - 1].stamp === moment ? count - 1 : count;
}

/** Each finding that is on the chart with its span, in the order of their times. */
export function placeFindings(findings, bars) {
  return findings
    .map((finding) => ({ finding, span: findSpan(finding, bars) }))
    .filter(({ span }) => span !== null)
    .sort((one, other) => one.finding.start - other.finding.start || one.finding.id - other.finding.id);
}

/** Whether a span is within the visible range of the chart. */
export const isVisible = ({ from, to }, visible) => from <= visible.to + 0.5 && to >= visible.from - 0.5;

/** The number of findings that overlap [start, end). */
export function countBetween(findings, start, end) {
  return findings.filter((finding) => finding.start < end && finding.end > start).length;
}

/** 1 finding, 2 findings */
export const formatFindings = (count) => `${count.toLocaleString("en-US")} ${count === 1 ? "finding" : "findings"}`;
