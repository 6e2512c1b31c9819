// The status line on the chart: pending work and errors, one message per subject. The latest message is shown.

import { ApiError } from "./api.js";

export class Status {
  constructor(element) {
    this.element = element;
    this.messages = new Map();
  }

  /** Set the message of a subject; without a text, remove it. */
  show(subject, text = "", bad = false) {
    if ((this.messages.get(subject)?.text ?? "") === text) return; // a screen reader would repeat it
    this.messages.delete(subject);
    if (text) this.messages.set(subject, { text, bad });
    const latest = [...this.messages.values()].at(-1);
    this.element.textContent = latest?.text ?? "";
    this.element.classList.toggle("bad", latest?.bad ?? false);
  }

  /** Run `work`, and show `pending` meanwhile. Shows an ApiError instead of throwing it. True on success. */
  async attempt(subject, pending, work) {
    if (pending) this.show(subject, pending);
    try {
      await work();
      this.show(subject);
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.show(subject, error.message, true);
      return false;
    }
  }
}
