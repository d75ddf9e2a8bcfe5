// What has happened to a task: a waterfall of its steps, the tasks it has started, and what each model has cost.
import { useState } from "../vendor/hooks.mjs";
import { duration, number, tokensOf, usd } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { Status } from "../parts/status.js";
import { TaskLink } from "../parts/tasklink.js";
import { rowsOf } from "../steps.js";
import { timeScale } from "../timescale.js";
import { Waterfall } from "./waterfall.js";

export function Timeline({ timeline, now }) {
  const [isWhole, setWhole] = useState(false);
  const until = timeline.endedAt ? Date.parse(timeline.endedAt) : now;
  const rows = rowsOf(timeline.steps, until);
  const start = Date.parse(timeline.createdAt);
  const end = rows.reduce((latest, row) => Math.max(latest, row.endMs), until);
  const scale = timeScale(rows, start, end, !isWhole);
  return html`<section aria-label=${t("tab.timeline")}>
    ${
      scale.canShorten &&
      html`<label class="inline">
        <input type="checkbox" checked=${!isWhole} onChange=${() => setWhole(!isWhole)} />${t("timeline.shorten")}
      </label>`
    }
    <${Waterfall} rows=${rows} scale=${scale} start=${start} cost=${timeline.usage?.costUsd} />
    ${timeline.truncated && html`<p class="card notice">${t("timeline.truncated")}</p>`}
    ${timeline.children?.length > 0 && html`<${Children} children=${timeline.children} now=${now} />`}
  </section>`;
}

function Children({ children: tasks, now }) {
  return html`<h2>${t("timeline.children")}</h2>
    <div class="table-frame">
      <table class="stacked">
        <caption class="visually-hidden">${t("timeline.children")}</caption>
        <thead><tr>
          ${["status", "task", "agent", "took", "tokens", "cost"].map((name) =>
            html`<th key=${name} scope="col">${t(`tasks.${name}`)}</th>`)}
        </tr></thead>
        <tbody>
          ${tasks.map(
            (task) => html`<tr key=${task.taskId}>
            <td data-label=${t("tasks.status")}><${Status} status=${task.status} /></td>
            <td data-label=${t("tasks.task")}>
              <${TaskLink} agentId=${task.agentId} taskId=${task.taskId} />
            </td>
            <td data-label=${t("tasks.agent")}>${task.agentId}</td>
            <td data-label=${t("tasks.took")}>${duration(lifeOf(task, now))}</td>
            <td data-label=${t("tasks.tokens")}>${number(tokensOf(task.usage))}</td>
            <td data-label=${t("tasks.cost")}>${usd(task.usage?.costUsd)}</td>
          </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
}

// From its creation to its end, or until now.
function lifeOf({ createdAt, endedAt }, now) {
  return (endedAt ? Date.parse(endedAt) : now) - Date.parse(createdAt);
}
