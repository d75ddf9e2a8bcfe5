// Tasks in rows; on a phone each row is a card.
import { compact, duration, moment, tokensOf, usd } from "../format.js";
import { html } from "../html.js";
import { named, t } from "../i18n.js";
import { isFinal, Status } from "../parts/status.js";
import { TaskLink } from "../parts/tasklink.js";
import { Ago } from "../parts/times.js";

export function TaskTable({ tasks, now }) {
  return html`<div class="table-frame">
    <table class="tasks">
      <caption class="visually-hidden">${t("tasks.caption")}</caption>
      <thead>
        <tr>
          ${["status", "task", "agent", "detail", "created"].map((name) =>
            html`<th key=${name} scope="col">${t(`tasks.${name}`)}</th>`)}
          ${["took", "tokens", "cost"].map((name) =>
            html`<th key=${name} scope="col" class="number">${t(`tasks.${name}`)}</th>`)}
        </tr>
      </thead>
      <tbody>${tasks.map((task) => html`<${TaskRow} key=${task.taskId} task=${task} now=${now} />`)}</tbody>
    </table>
  </div>`;
}

function TaskRow({ task, now }) {
  const tokens = tokensOf(task.usage);
  return html`<tr>
    <td class="cell-status"><${Status} status=${task.status} /></td>
    <td class="cell-task">
      <${TaskLink} agentId=${task.agentId} taskId=${task.taskId} isRow=${true} />
    </td>
    <td class="cell-agent">${task.agentId}</td>
    <td class="cell-detail"><${Detail} task=${task} /></td>
    <td class="cell-created"><${Ago} at=${task.createdAt} now=${now} /></td>
    <td class="number cell-took">${tookOf(task, now)}</td>
    <td class="number cell-tokens" data-label=${t("tasks.tokens")}>${tokens ? compact(tokens) : "–"}</td>
    <td class="number cell-cost" data-label=${t("tasks.cost")}>${usd(task.usage?.costUsd)}</td>
  </tr>`;
}

// The one thing to know about it: what it does, what it asks, why it failed.
function Detail({ task }) {
  if (task.status === "failed")
    return html`<code class="bad">${task.errorDetails?.code}</code> ${task.errorDetails?.message}`;
  if (task.status === "input_required") return html`<q>${task.question}</q>`;
  if (task.status === "running" && task.progress) return progressText(task.progress);
  if (task.status === "pending" && task.notBefore) return t("tasks.startsAt", { at: moment(task.notBefore) });
  if (task.status === "pending" && task.attempts > 0) return t("tasks.goesOn", { n: task.attempts });
  return task.lane ? named("lane", task.lane) : "";
}

export function progressText({ turn, tool, step, percent }) {
  const doing = [t("tasks.turn", { n: turn }), tool, step].filter(Boolean).join(" · ");
  return percent === undefined ? doing : `${doing} · ${percent}%`;
}

// From its creation to its end, or until now.
function tookOf(task, now) {
  const end = task.completedAt ? Date.parse(task.completedAt) : now;
  return isFinal(task.status) && !task.completedAt ? "–" : duration(end - Date.parse(task.createdAt));
}
