// What agents have asked, and nobody has answered.
import { api } from "../api.js";
import { agentGroups } from "../filters.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { useNow, usePolled } from "../loading.js";
import { Empty, Shown } from "../parts/notices.js";
import { TaskLink } from "../parts/tasklink.js";
import { Ago } from "../parts/times.js";
import { hrefOf } from "../router.js";
import { AnswerForm } from "./answer.js";

const MOST_QUESTIONS = 50;
const MOST_REQUESTS_OF_INBOX = 5;
const ASK_EVERY_MS = 10_000;

export function InboxView({ agents }) {
  const asked = usePolled((signal) => loadQuestions(agents, signal), "inbox", { everyMs: ASK_EVERY_MS });
  const now = useNow(true, 5_000);
  return html`<div class="view-head"><h1>${t("nav.inbox")}</h1></div>
    <p class="faint">${t("inbox.about")}</p>
    <${Shown} of=${asked}>
      ${({ tasks, hasMore }) => html`
        ${tasks.length === 0 && html`<${Empty} title=${t("inbox.none")}><p>${t("inbox.noneAbout")}</p><//>`}
        <ul class="questions">
          ${tasks.map((task) =>
            html`<${Question} key=${task.taskId} task=${task} now=${now} onAnswered=${asked.reload} />`)}
        </ul>
        ${hasMore && html`<p><a href=${hrefOf(["tasks"], { status: "input_required" })}>${t("inbox.more")}</a></p>`}`}
    <//>`;
}

// The newest questions, and whether there are more.
async function loadQuestions(agents, signal) {
  const groups = agentGroups(agents);
  const tasks = [];
  let hasMore = groups.length > MOST_REQUESTS_OF_INBOX;
  for (const agentId of groups.slice(0, MOST_REQUESTS_OF_INBOX)) {
    const query = { status: "input_required", agentId, limit: MOST_QUESTIONS };
    const answer = await api("GET", "/tasks", { query, signal });
    tasks.push(...answer.tasks);
    hasMore ||= Boolean(answer.nextPageToken);
  }
  tasks.sort((one, other) => (one.taskId < other.taskId ? 1 : -1));
  return { tasks: tasks.slice(0, MOST_QUESTIONS), hasMore: hasMore || tasks.length > MOST_QUESTIONS };
}

function Question({ task, now, onAnswered }) {
  return html`<li class="card">
    <p class="card-head">
      <b>${task.agentId}</b>
      <${TaskLink} agentId=${task.agentId} taskId=${task.taskId} />
      <span class="faint"><${Ago} at=${task.updatedAt} now=${now} /></span>
    </p>
    <${AnswerForm} task=${task} onAnswered=${onAnswered} />
  </li>`;
}
