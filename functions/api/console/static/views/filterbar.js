// The row above the list of tasks: what is shown of them. It changes the address, and nothing else.
import { useEffect, useRef, useState } from "../vendor/hooks.mjs";
import { addressOf, areAny, CUSTOM_RANGE, isIdPart, localInput, RANGES, SHORTEST_ID } from "../filters.js";
import { classes, html } from "../html.js";
import { t } from "../i18n.js";
import { ChoiceMenu } from "../parts/menu.js";
import { Status, STATUSES } from "../parts/status.js";
import { goTo, hrefOf } from "../router.js";

const TYPING_MS = 350;

export function FilterBar({ filters, agents }) {
  const change = (changes) => goTo(hrefOf(["tasks"], addressOf(filters, changes)), { replace: true });
  return html`<form class="filters" role="search" aria-label=${t("filter.label")}
    onSubmit=${(event) => event.preventDefault()}>
    <${IdFilter} id=${filters.id} onChange=${(id) => change({ id })} />
    <div class="filter-row">
      <${StatusFilter} chosen=${filters.status} onChange=${(status) => change({ status })} />
      <${ChoiceMenu} label=${t("filter.agents")} chosen=${filters.agent} onChange=${(agent) => change({ agent })}
        choices=${agents.map((agent) => ({ value: agent.agentId, label: agent.name || agent.agentId }))} />
      <${RangeFilter} filters=${filters} onChange=${change} />
      ${areAny(filters) && html`<a class="button quiet" href=${hrefOf(["tasks"])}>${t("filter.clear")}</a>`}
    </div>
  </form>`;
}

// Asks when the reader has stopped typing.
function IdFilter({ id, onChange }) {
  const [text, setText] = useState(id);
  const asked = useRef(id);
  const timer = useRef(null);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    if (id !== asked.current) setText(id); // the address has changed, and not by what was typed
    asked.current = id;
  }, [id]);
  function typed(event) {
    const value = event.currentTarget.value.trim().toLowerCase();
    setText(value);
    clearTimeout(timer.current);
    if (value !== "" && !isIdPart(value)) return;
    timer.current = setTimeout(() => {
      asked.current = value;
      onChange(value);
    }, TYPING_MS);
  }
  return html`<div class="search">
    <input type="search" data-filter aria-label=${t("filter.id")} placeholder=${t("filter.id")} value=${text}
      spellcheck=${false}
      autocomplete="off" aria-describedby="id-hint" onInput=${typed} />
    <kbd aria-hidden="true">/</kbd>
    <p id="id-hint" class="faint" role="status">${text && !isIdPart(text) && t("filter.idHint", { n: SHORTEST_ID })}</p>
  </div>`;
}

function StatusFilter({ chosen, onChange }) {
  const toggled = (status) =>
    chosen.includes(status) ? chosen.filter((each) => each !== status) : [...chosen, status];
  return html`<div class="chips" role="group" aria-label=${t("filter.status")}>
    ${STATUSES.map(
      (status) => html`<button key=${status} type="button"
        class=${classes("chip", chosen.includes(status) && "chip-on")}
        aria-pressed=${chosen.includes(status) ? "true" : "false"} onClick=${() => onChange(toggled(status))}>
        <${Status} status=${status} />
      </button>`,
    )}
  </div>`;
}

function RangeFilter({ filters, onChange }) {
  const { range, from, to } = filters;
  return html`<select aria-label=${t("filter.created")} value=${range}
    onChange=${(event) => onChange({ range: event.currentTarget.value })}>
      <option value="">${t("filter.anyTime")}</option>
      ${Object.keys(RANGES).map((each) => html`<option key=${each} value=${each}>${t(`filter.last.${each}`)}</option>`)}
      <option value=${CUSTOM_RANGE}>${t("filter.custom")}</option>
    </select>
    ${
      range === CUSTOM_RANGE &&
      html`<${InstantInput} label=${t("filter.from")} value=${from} onChange=${(value) => onChange({ from: value })} />
        <${InstantInput} label=${t("filter.to")} value=${to} onChange=${(value) => onChange({ to: value })} />`
    }`;
}

function InstantInput({ label, value, onChange }) {
  return html`<label class="inline">${label}
    <input type="datetime-local" value=${localInput(value)}
      onChange=${(event) => onChange(isoOf(event.currentTarget.value))} />
  </label>`;
}

function isoOf(local) {
  return local ? new Date(local).toISOString() : "";
}
