// The line on the chart: what is under way and what went wrong, by subject. What was said last is shown.

import { ApiError } from "./api.js";

export class Status {
  constructor(element) {
    this.element = element;
    this.lines = new Map();
  }

  /** Say `text` about the subject; without a text, nothing more. */
  say(subject, text = "", bad = false) {
    if ((this.lines.get(subject)?.text ?? "") === text) return; // nor is it spoken again
    this.lines.delete(subject);
    if (text) this.lines.set(subject, { text, bad });
    const shown = [...this.lines.values()].at(-1);
    this.element.textContent = shown?.text ?? "";
    this.element.classList.toggle("bad", shown?.bad ?? false);
  }

  /** Do it, with a word about it if it may take a while; what the server cannot answer is said, not thrown. True if it was done. */
  async attempt(subject, word, work) {
    if (word) this.say(subject, word);
    try {
      await work();
      this.say(subject);
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.say(subject, error.message, true);
      return false;
    }
  }
}
