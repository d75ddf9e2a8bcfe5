// One task: what it is, what has happened, what came of it, and what can be done about it.
import { api, taskPath } from "../api.js";
import { useFollowed } from "../following.js";
import { html } from "../html.js";
import { named, t } from "../i18n.js";
import { useLoaded, useNow } from "../loading.js";
import { Shown } from "../parts/notices.js";
import { isFinal, Status } from "../parts/status.js";
import { CopyButton, LongText } from "../parts/text.js";
import { hrefOf, taskHref } from "../router.js";
import { TaskActions } from "./actions.js";
import { AnswerForm } from "./answer.js";
import { Deliveries } from "./deliveries.js";
import { TaskFacts } from "./facts.js";
import { Result } from "./result.js";
import { Messages } from "./messages.js";
import { Timeline } from "./timeline.js";

const TABS = ["timeline", "result", "messages", "deliveries"];

export function TaskView({ agentId, taskId, query }) {
  const tab = TABS.includes(query.get("tab")) ? query.get("tab") : TABS[0];
  const loaded = useLoaded((signal) => loadTask(agentId, taskId, signal), `${agentId}/${taskId}`);
  const isLive = loaded.data !== undefined && !isFinal(loaded.data.task.status);
  const draft = useFollowed(agentId, taskId, isLive, loaded.reload);
  const now = useNow(isLive);
  return html`<p class="crumbs">
      <a href=${hrefOf(["tasks"])}>${t("nav.tasks")}</a> /${" "}
      <a href=${hrefOf(["tasks"], { agent: agentId })}>${agentId}</a>
    </p>
    <div class="view-head">
      <h1 class="mono">${taskId}</h1>
      <${CopyButton} text=${taskId} label=${t("task.copyId")} />
    </div>
    <${Shown} of=${loaded}>
      ${({ task, timeline }) => html`
        <${Summary} task=${task} onChange=${loaded.reload} />
        <${TaskFacts} task=${task} timeline=${timeline} now=${now} />
        ${draft && !isFinal(task.status) &&
          html`<section class="card draft" aria-label=${t("task.draft")}>
            <h2>${t("task.draft")}</h2><${LongText} text=${draft} />
          </section>`}
        <${Tabs} task=${task} tab=${tab} />
        ${tab === "timeline" && html`<${Timeline} timeline=${timeline} now=${now} />`}
        ${tab === "result" && html`<${Result} task=${task} />`}
        ${tab === "messages" && html`<${Messages} task=${task} />`}
        ${tab === "deliveries" && html`<${Deliveries} task=${task} />`}`}
    <//>`;
}

async function loadTask(agentId, taskId, signal) {
  const [task, timeline] = await Promise.all([
    api("GET", taskPath(agentId, taskId), { signal }),
    api("GET", taskPath(agentId, taskId, "/timeline"), { signal }),
  ]);
  return { task, timeline };
}

// Its state, and what follows from it.
function Summary({ task, onChange }) {
  return html`<div class="summary">
      <${Status} status=${task.status} />
      <${TaskActions} task=${task} onChange=${onChange} />
    </div>
    ${
      task.errorDetails &&
      html`<section class="card failure" aria-label=${t("task.failure")}>
      <p><code class="bad">${task.errorDetails.code}</code> ${named("failure", task.errorDetails.code)}</p>
      <p>${task.errorDetails.message}</p>
    </section>`
    }
    ${
      task.status === "input_required" &&
      html`<section class="card asking">
        <h2>${t("task.asks")}</h2><${AnswerForm} task=${task} onAnswered=${onChange} />
      </section>`
    }`;
}

function Tabs({ task, tab }) {
  return html`<nav class="tabs" aria-label=${t("task.parts")}>
    ${TABS.map(
      (each) => html`<a key=${each} aria-current=${each === tab ? "page" : undefined}
        href=${taskHref(task.agentId, task.taskId, { tab: each === TABS[0] ? "" : each })}>${t(`tab.${each}`)}</a>`,
    )}
  </nav>`;
}
