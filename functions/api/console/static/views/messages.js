// What was said in one task: what it was given, and its agent's questions with their answers.
import { agentPath, api } from "../api.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { useLoaded } from "../loading.js";
import { Message } from "../parts/message.js";
import { Empty, Shown } from "../parts/notices.js";
import { hrefOf } from "../router.js";

export function Messages({ task }) {
  const path = agentPath(task.agentId, `/v1/tasks/${encodeURIComponent(task.taskId)}`);
  const headers = { "A2A-Version": "1.0" };
  // A2A alone has a task's messages; they change with its state
  const loaded = useLoaded((signal) => api("GET", path, { headers, signal }), `${path} ${task.status}`);
  return html`<section aria-label=${t("tab.messages")}>
    ${
      task.sessionId &&
      html`<p><a href=${hrefOf(["conversations", task.agentId, task.sessionId])}>${t("messages.whole")}</a></p>`
    }
    <${Shown} of=${loaded}>
      ${({ history = [] }) => html`
        ${history.length === 0 && html`<${Empty} title=${t("conversation.none")} />`}
        <ol class="said-list">
          ${history.map((each) => html`<${Message} key=${each.messageId} role=${each.role} parts=${each.parts} />`)}
        </ol>`}
    <//>
  </section>`;
}
