// A task by the end of its id; the whole is in the title.
import { shortId } from "../format.js";
import { classes, html } from "../html.js";
import { taskHref } from "../router.js";

// `isRow`: it is what the whole row of a table leads to.
export function TaskLink({ agentId, taskId, isRow }) {
  return html`<a class=${classes("mono", isRow && "row-link")} href=${taskHref(agentId, taskId)} title=${taskId}>
    ${shortId(taskId)}
  </a>`;
}
