// Where the money goes: costs by day, and by agent, model or key, each of which leads to its tasks.
import { compact, number, tokensOf, usd } from "../format.js";
import { CUSTOM_RANGE } from "../filters.js";
import { classes, html } from "../html.js";
import { t } from "../i18n.js";
import { useLoaded } from "../loading.js";
import { Empty, Shown } from "../parts/notices.js";
import { goTo, hrefOf } from "../router.js";
import { daysOf, GROUPS, groupsOf, loadUsage, OTHERS, seriesOf, SPANS, totalOf } from "../usage.js";
import { colorClass, CostChart } from "./chart.js";

export function UsageView({ query, agents }) {
  const by = GROUPS.includes(query.get("by")) ? query.get("by") : GROUPS[0];
  const span = query.get("span") in SPANS ? query.get("span") : "7d";
  const agentId = query.get("agent") ?? "";
  const days = daysOf(span, Date.now());
  const asked = { by, days, agentId };
  const loaded = useLoaded((signal) => loadUsage(asked, signal), JSON.stringify(asked));
  return html`<div class="view-head"><h1>${t("nav.usage")}</h1></div>
    <${UsageBar} by=${by} span=${span} agentId=${agentId} agents=${agents} />
    <${Shown} of=${loaded}>
      ${({ rows, isWhole }) =>
        rows.length === 0
          ? html`<${Empty} title=${t("usage.none")} />`
          : html`${!isWhole && html`<p class="card notice">${t("usage.partial")}</p>`}
              <${Totals} rows=${rows} />
              <${Spending} rows=${rows} by=${by} days=${days} agentId=${agentId} />`}
    <//>
    <p class="faint">${t("usage.about")}</p>`;
}

function UsageBar({ by, span, agentId, agents }) {
  const change = (changes) => goTo(hrefOf(["usage"], { by, span, agent: agentId, ...changes }), { replace: true });
  return html`<form class="filters filter-row" aria-label=${t("usage.filter")}
    onSubmit=${(event) => event.preventDefault()}>
    <label class="inline">${t("usage.by")}
      <select data-filter value=${by} onChange=${(event) => change({ by: event.currentTarget.value })}>
        ${GROUPS.map((each) => html`<option key=${each} value=${each}>${t(`usage.by.${each}`)}</option>`)}
      </select>
    </label>
    <label class="inline">${t("usage.span")}
      <select value=${span} onChange=${(event) => change({ span: event.currentTarget.value })}>
        ${Object.keys(SPANS).map((each) => html`<option key=${each} value=${each}>${t(`usage.span.${each}`)}</option>`)}
      </select>
    </label>
    <label class="inline">${t("usage.agent")}
      <select value=${agentId} onChange=${(event) => change({ agent: event.currentTarget.value })}>
        <option value="">${t("usage.allAgents")}</option>
        ${agents.map((agent) =>
          html`<option key=${agent.agentId} value=${agent.agentId}>${agent.name || agent.agentId}</option>`)}
      </select>
    </label>
  </form>`;
}

function Totals({ rows }) {
  const sum = totalOf(rows);
  const totals = [
    ["cost", usd(sum.costUsd)],
    ["tasks", number(sum.tasks)],
    ["failed", number(sum.failed)],
    ["tokens", compact(tokensOf(sum))],
  ];
  return html`<dl class="totals">
      ${totals.map(([name, value]) =>
        html`<div key=${name} class="card"><dt>${t(`usage.${name}`)}</dt><dd>${value}</dd></div>`)}
    </dl>
    ${sum.unpricedTasks > 0 && html`<p class="faint">${t("usage.unpriced", { n: number(sum.unpricedTasks) })}</p>`}`;
}

function Spending({ rows, by, days, agentId }) {
  const groups = groupsOf(rows, by, days);
  const series = seriesOf(groups, by);
  return html`<${CostChart} days=${days} series=${series} label=${t("usage.chart")}
    onPick=${(index) => goTo(tasksOfDay(days[index], agentId))} />
    <div class="table-frame">
      <table class="stacked">
        <caption class="visually-hidden">${t("usage.table")}</caption>
        <thead><tr>
          <th scope="col">${t(`usage.by.${by}`)}</th>
          ${["cost", "tasks", "completed", "failed", "canceled", "tokens"].map((name) =>
            html`<th key=${name} scope="col" class="number">${t(`usage.${name}`)}</th>`)}
        </tr></thead>
        <tbody>${groups.map((group, index) =>
          html`<${GroupRow} key=${group.value} group=${group} by=${by} days=${days} agentId=${agentId}
            place=${placeIn(series, index)} />`)}</tbody>
      </table>
    </div>`;
}

// The series of a group: its own, or that of the others.
function placeIn(series, index) {
  return index < series.length && series[index].value !== OTHERS ? index : series.length - 1;
}

function GroupRow({ group, by, days, agentId, place }) {
  const { sum, value } = group;
  const name = value || t("usage.unknown");
  const href = by === "day" ? tasksOfDay(value, agentId) : by === "agent" ? tasksOfDays(days, value) : null;
  return html`<tr>
    <th scope="row">
      <i class=${classes("swatch", colorClass(by === "day" ? 0 : place))} aria-hidden="true"></i>
      ${href ? html`<a href=${href}>${name}</a>` : name}
    </th>
    <td class="number" data-label=${t("usage.cost")}>${usd(sum.costUsd)}</td>
    <td class="number" data-label=${t("usage.tasks")}>${number(sum.tasks)}</td>
    <td class="number" data-label=${t("usage.completed")}>${number(sum.completed)}</td>
    <td class="number" data-label=${t("usage.failed")}>${number(sum.failed)}</td>
    <td class="number" data-label=${t("usage.canceled")}>${number(sum.canceled)}</td>
    <td class="number" data-label=${t("usage.tokens")}>${compact(tokensOf(sum))}</td>
  </tr>`;
}

function tasksOfDay(day, agentId) {
  return tasksOfDays([day], agentId);
}

function tasksOfDays(days, agent) {
  const to = new Date(Date.parse(`${days.at(-1)}T00:00:00Z`) + 86_400_000).toISOString();
  return hrefOf(["tasks"], { agent, range: CUSTOM_RANGE, from: `${days[0]}T00:00:00.000Z`, to });
}
