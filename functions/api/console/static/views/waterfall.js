// A waterfall: one row a step, with its name, when it was, how long, and what it has cost.
import { useState } from "../vendor/hooks.mjs";
import { compact, duration, number, tokensOf, usd } from "../format.js";
import { classes, html } from "../html.js";
import { named, t } from "../i18n.js";
import { Empty } from "../parts/notices.js";
import { Moment } from "../parts/times.js";
import { taskHref } from "../router.js";
import { costShare } from "../steps.js";

const ROWS_AT_FIRST = 200;
const DEAR = 0.25; // of the task's cost
const LEAST_BAR = 0.35; // percent, so that a short step is seen too

export function Waterfall({ rows, scale, start, cost }) {
  const [shown, setShown] = useState(ROWS_AT_FIRST);
  const left = rows.length - shown;
  if (rows.length === 0) return html`<${Empty} title=${t("timeline.none")} />`;
  return html`<div class="waterfall">
      <${Axis} scale=${scale} />
      <ol class="waterfall-rows">
        ${rows.slice(0, shown).map((row) =>
          html`<${Row} key=${row.id} row=${row} scale=${scale} start=${start} cost=${cost} />`)}
      </ol>
    </div>
    ${
      left > 0 &&
      html`<button type="button" onClick=${() => setShown(shown + ROWS_AT_FIRST)}>
        ${t("timeline.more", { n: number(left) })}
      </button>`
    }`;
}

function Axis({ scale }) {
  return html`<div class="axis" aria-hidden="true">
    ${scale.ticks.map((tick) =>
      html`<span key=${tick.ms} class="tick"
        style=${{ left: `${tick.place}%` }}>${tick.ms === 0 ? "0" : duration(tick.ms)}</span>`)}
    ${scale.breaks.map((gap, index) =>
      html`<span key=${`gap-${index}`} class="tick tick-break"
        style=${{ left: `${(gap.from + gap.to) / 2}%` }}>≈ ${duration(gap.ms)}</span>`)}
  </div>`;
}

function Row({ row, scale, start, cost }) {
  const [isOpen, setOpen] = useState(false);
  const tokens = tokensOf(row.usage);
  const isBad = Boolean(row.error) || row.outcome === "error" || row.outcome === "failed";
  return html`<li class=${classes("row", `row-${row.kind}`, isBad && "row-bad")}>
    <button type="button" class="row-button" aria-expanded=${isOpen ? "true" : "false"}
      onClick=${() => setOpen(!isOpen)}>
      <span class="row-name" style=${{ "--depth": row.depth }}>
        <i class="row-mark" aria-hidden="true"></i>${nameOf(row)}
      </span>
      <span class="row-lane" aria-hidden="true"><${Bar} row=${row} scale=${scale} /></span>
      <span class="row-numbers">
        <span>${lengthOf(row, start)}</span>
        <span class="row-tokens">${tokens > 0 && t("timeline.tokens", { n: compact(tokens) })}</span>
        <span class=${classes("row-cost", costShare(row, cost) > DEAR && "row-dear")}>
          ${row.usage && usd(row.usage.costUsd)}
        </span>
      </span>
    </button>
    ${isOpen && html`<${StepDetails} row=${row} start=${start} />`}
  </li>`;
}

function Bar({ row, scale }) {
  const from = scale.at(row.startMs);
  const width = Math.max(LEAST_BAR, scale.at(row.endMs) - from);
  return html`${scale.breaks.map((gap, index) =>
    html`<span key=${index} class="gap" style=${{ left: `${gap.from}%`, width: `${gap.to - gap.from}%` }}></span>`)}
    <span class=${classes("bar", row.isOpen && "bar-open")}
      style=${{ left: `${Math.min(from, 100 - width)}%`, width: `${width}%` }}></span>`;
}

// How long it took; of an event, when it was.
function lengthOf(row, start) {
  if (row.kind === "event") return `+${duration(row.startMs - start)}`;
  return `${duration(row.endMs - row.startMs)}${row.isOpen ? " …" : ""}`;
}

function nameOf(row) {
  switch (row.kind) {
    case "wait":
      return named("wait", row.name);
    case "attempt":
      return t(row.isContinued ? "step.attemptGoesOn" : "step.attempt", { n: row.attempt });
    case "turn":
      return t("step.turn", { n: row.turn });
    case "tool":
      return row.name ?? t("step.tool");
    case "child":
      return t("step.child", { agent: row.agentId ?? "" });
    case "event":
      return named("event", row.name);
    default:
      return named("step", row.kind);
  }
}

function StepDetails({ row, start }) {
  const { usage } = row;
  const details = [
    [t("step.began"), html`<${Moment} at=${row.startedAt} /> (+${duration(row.startMs - start)})`],
    row.endedAt && row.kind !== "event" && [t("step.ended"), html`<${Moment} at=${row.endedAt} />`],
    row.outcome && [t("step.outcome"), named("outcome", row.outcome)],
    row.error && [
      t("step.error"),
      html`<code class="bad">${row.error.code}</code> ${named("failure", row.error.code)}`,
    ],
    row.model && [t("step.model"), html`<code>${row.model}</code>`],
    row.attempt && row.kind !== "attempt" && [t("step.inAttempt"), number(row.attempt)],
    usage && [t("step.input"), number(usage.inputTokens)],
    usage && [t("step.output"), number(usage.outputTokens)],
    usage && [t("step.cacheRead"), number(usage.cacheReadTokens)],
    usage && [t("step.cacheWrite"), number(usage.cacheWriteTokens)],
    usage && [t("step.cost"), usd(usage.costUsd)],
    row.taskId && [t("step.task"), html`<a class="mono" href=${taskHref(row.agentId, row.taskId)}>${row.taskId}</a>`],
  ];
  return html`<dl class="row-details">
    ${details.filter(Boolean).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}
  </dl>`;
}
