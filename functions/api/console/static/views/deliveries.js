// What a task's webhooks were sent, and what became of it.
import { api, taskPath } from "../api.js";
import { number } from "../format.js";
import { html } from "../html.js";
import { named, t } from "../i18n.js";
import { usePolled } from "../loading.js";
import { Empty, Shown } from "../parts/notices.js";
import { Moment } from "../parts/times.js";

const LOOK_EVERY_MS = 10_000;

export function Deliveries({ task }) {
  const loaded = usePolled((signal) => loadDeliveries(task, signal), task.taskId, { everyMs: LOOK_EVERY_MS });
  return html`<section aria-label=${t("tab.deliveries")}>
    <${Shown} of=${loaded}>
      ${(deliveries) =>
        deliveries.length === 0
          ? html`<${Empty} title=${t("deliveries.none")} />`
          : html`<${DeliveryTable} deliveries=${deliveries} />`}
    <//>
  </section>`;
}

// Each with the address of its receiver, if that is still there.
async function loadDeliveries(task, signal) {
  const [{ deliveries }, { configs }] = await Promise.all([
    api("GET", taskPath(task.agentId, task.taskId, "/deliveries"), { signal }),
    api("GET", taskPath(task.agentId, task.taskId, "/pushNotificationConfigs"), { signal }),
  ]);
  const urls = new Map(configs.map((config) => [config.id, config.url]));
  return deliveries.map((each) => ({ ...each, receiver: urls.get(each.configId) ?? each.configId }));
}

function DeliveryTable({ deliveries }) {
  return html`<div class="table-frame">
    <table class="stacked">
      <caption class="visually-hidden">${t("tab.deliveries")}</caption>
      <thead><tr>
        ${["state", "event", "receiver", "attempts", "last", "next"].map((name) =>
          html`<th key=${name} scope="col">${t(`deliveries.${name}`)}</th>`)}
      </tr></thead>
      <tbody>${deliveries.map((each, index) => html`<${DeliveryRow} key=${index} delivery=${each} />`)}</tbody>
    </table>
  </div>`;
}

function DeliveryRow({ delivery }) {
  const { state, event, at, receiver, attempts, lastStatus, lastError, nextAttemptAt } = delivery;
  return html`<tr>
    <td data-label=${t("deliveries.state")}>
      <span class=${`delivery delivery-${state}`}>${named("delivery", state)}</span>
    </td>
    <td data-label=${t("deliveries.event")}>
      ${named("status", event)} <span class="faint"><${Moment} at=${at} /></span>
    </td>
    <td data-label=${t("deliveries.receiver")} class="breaks">${receiver}</td>
    <td data-label=${t("deliveries.attempts")} class="number">${number(attempts)}</td>
    <td data-label=${t("deliveries.last")}>${[lastStatus, lastError].filter(Boolean).join(" · ") || "–"}</td>
    <td data-label=${t("deliveries.next")}>${nextAttemptAt ? html`<${Moment} at=${nextAttemptAt} />` : "–"}</td>
  </tr>`;
}
