// A task's facts in a row: when, how long, how often, what it has used.
import { compact, duration, moment, number, tokensOf, usd } from "../format.js";
import { html } from "../html.js";
import { named, t } from "../i18n.js";
import { TaskLink } from "../parts/tasklink.js";
import { Ago } from "../parts/times.js";
import { hrefOf } from "../router.js";
import { progressText } from "./tasktable.js";

export function TaskFacts({ task, timeline, now }) {
  const end = task.completedAt ? Date.parse(task.completedAt) : now;
  const tokens = tokensOf(task.usage);
  const facts = [
    [t("facts.created"), html`<${Ago} at=${task.createdAt} now=${now} />`],
    task.notBefore && [t("facts.notBefore"), moment(task.notBefore)],
    [t("facts.took"), duration(end - Date.parse(task.createdAt))],
    task.startedAt && [t("facts.waited"), duration(Date.parse(task.startedAt) - Date.parse(task.createdAt))],
    task.progress && [t("facts.doing"), progressText(task.progress)],
    [t("facts.attempts"), number(task.attempts)],
    task.usage && [t("facts.turns"), number(task.usage.turns)],
    tokens > 0 && [t("facts.tokens"), html`<span title=${number(tokens)}>${compact(tokens)}</span>`],
    task.usage && [t("facts.cost"), usd(task.usage.costUsd)],
    task.priority && [t("facts.priority"), named("priority", task.priority)],
    task.lane && [t("facts.lane"), named("lane", task.lane)],
    task.sessionId && [
      t("facts.session"),
      html`<a href=${hrefOf(["conversations", task.agentId, task.sessionId])}>${task.sessionId}</a>`,
    ],
    task.retryOf && [
      t("facts.retryOf"),
      html`<${TaskLink} agentId=${task.agentId} taskId=${task.retryOf} />`,
    ],
    timeline.children?.length > 0 && [t("facts.children"), number(timeline.children.length)],
  ];
  return html`<dl class="facts">
    ${facts.filter(Boolean).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}
  </dl>`;
}
