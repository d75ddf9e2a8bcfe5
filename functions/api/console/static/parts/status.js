// A task's state: always a word, and a color beside it.
import { named } from "../i18n.js";
import { classes, html } from "../html.js";

export const STATUSES = ["pending", "running", "input_required", "completed", "failed", "canceled"];
const FINAL_STATUSES = new Set(["completed", "failed", "canceled"]);

export function isFinal(status) {
  return FINAL_STATUSES.has(status);
}

export function Status({ status }) {
  return html`<span class=${classes("status", `status-${status}`)}>
    <i aria-hidden="true"></i>${named("status", status)}
  </span>`;
}
