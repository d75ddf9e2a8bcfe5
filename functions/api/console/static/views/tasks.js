// The project's tasks, the newest first, a page at a time.
import { api } from "../api.js";
import { addressOf, areAny, filtersOf, MOST_AGENTS, requestOf } from "../filters.js";
import { number } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { usePolled, useNow } from "../loading.js";
import { Empty, Shown } from "../parts/notices.js";
import { hrefOf } from "../router.js";
import { FilterBar } from "./filterbar.js";
import { TaskTable } from "./tasktable.js";

const PAGE_SIZE = 25;
const MOST_REQUESTS = 4; // for one page: where filters match little, an answer may be short with more behind it
const REFRESH_MS = 5_000;

export function TasksView({ query, agents }) {
  const filters = filtersOf(query);
  const mustChoose = agents.length > MOST_AGENTS && filters.agent.length === 0;
  // older pages hardly change, and what changes would move them away
  const loaded = usePolled((signal) => loadPage(filters, signal), mustChoose ? null : JSON.stringify(filters), {
    everyMs: filters.page ? null : REFRESH_MS,
  });
  const now = useNow(true, 5_000);
  return html`<div class="view-head">
      <h1>${t("nav.tasks")}</h1>
      <${Freshness} isLive=${!filters.page} error=${loaded.error} />
    </div>
    <${FilterBar} filters=${filters} agents=${agents} />
    ${
      mustChoose
        ? html`<${Empty} title=${t("tasks.chooseAgents", { n: number(agents.length), most: MOST_AGENTS })} />`
        : html`<${Shown} of=${loaded}>${(page) => html`<${TaskPage} page=${page} filters=${filters} now=${now} />`}<//>`
    }`;
}

function TaskPage({ page: { tasks, next }, filters, now }) {
  return html`
    ${
      tasks.length > 0
        ? html`<${TaskTable} tasks=${tasks} now=${now} />`
        : html`<${NoTasks} filters=${filters} hasMore=${Boolean(next)} />`
    }
    <${Pages} filters=${filters} next=${next} />`;
}

// Up to a page of tasks, and where the next one begins.
async function loadPage(filters, signal) {
  const query = requestOf(filters, Date.now());
  const tasks = [];
  let pageToken = query.pageToken;
  for (let asked = 0; asked < MOST_REQUESTS && tasks.length < PAGE_SIZE; asked += 1) {
    const limit = PAGE_SIZE - tasks.length;
    const answer = await api("GET", "/tasks", { query: { ...query, pageToken, limit }, signal });
    tasks.push(...answer.tasks);
    pageToken = answer.nextPageToken;
    if (!pageToken) break;
  }
  return { tasks, next: pageToken };
}

function Freshness({ isLive, error }) {
  const state = !isLive ? "still" : error ? "waiting" : "live";
  return html`<p class=${`freshness freshness-${state}`}><i aria-hidden="true"></i>${t(`freshness.${state}`)}</p>`;
}

function NoTasks({ filters, hasMore }) {
  if (hasMore) return html`<${Empty} title=${t("tasks.noneYet")}><p>${t("tasks.noneYetMore")}</p><//>`;
  if (filters.page) return html`<${Empty} title=${t("tasks.noMore")} />`;
  if (areAny(filters)) {
    return html`<${Empty} title=${t("tasks.noMatch")}><a href=${hrefOf(["tasks"])}>${t("filter.clear")}</a><//>`;
  }
  return html`<${Empty} title=${t("tasks.none")}>
    <p>${t("tasks.noneHow")}</p><code>POST /a2a/{agentId}/tasks</code>
  <//>`;
}

function Pages({ filters, next }) {
  if (!next && !filters.page) return null;
  return html`<nav class="pages" aria-label=${t("pages.label")}>
    ${filters.page && html`<a class="button" href=${hrefOf(["tasks"], addressOf(filters))}>${t("pages.first")}</a>`}
    ${next &&
      html`<a class="button" href=${hrefOf(["tasks"], addressOf(filters, { page: next }))}>${t("pages.older")}</a>`}
  </nav>`;
}
