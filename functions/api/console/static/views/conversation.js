// A conversation: what was said in all tasks of a session, the oldest first, a page at a time.
import { agentPath, api } from "../api.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { useLoaded } from "../loading.js";
import { Message } from "../parts/message.js";
import { Empty, Shown } from "../parts/notices.js";
import { hrefOf, taskHref } from "../router.js";

const TASKS_A_PAGE = 20;

export function ConversationView({ agentId, sessionId, query }) {
  const cursor = query.get("cursor") ?? "";
  const path = agentPath(agentId, `/contexts/${encodeURIComponent(sessionId)}`);
  const page = useLoaded(
    (signal) => api("GET", path, { query: { limit: TASKS_A_PAGE, cursor }, signal }),
    cursor || "first",
  );
  return html`<p class="crumbs"><a href=${hrefOf(["tasks"], { agent: agentId })}>${agentId}</a></p>
    <div class="view-head"><h1>${t("conversation.title")} <span class="mono">${sessionId}</span></h1></div>
    <${Shown} of=${page}>
      ${({ messages, nextCursor }) => html`
        ${messages.length === 0 && html`<${Empty} title=${t("conversation.none")} />`}
        <ol class="said-list">
          ${messages.map(
            (each, at) =>
              html`<${Message} key=${at} role=${each.role} at=${each.at} href=${taskHref(agentId, each.taskId)}
                parts=${[{ text: each.text }]} />`,
          )}
        </ol>
        ${
          nextCursor &&
          html`<nav class="pages" aria-label=${t("pages.label")}>
            <a class="button" href=${hrefOf(["conversations", agentId, sessionId], { cursor: nextCursor })}>
              ${t("pages.next")}
            </a>
          </nav>`
        }`}
    <//>`;
}
