// What can be done about a task: cancel it, or have it done once more.
import { useState } from "../vendor/hooks.mjs";
import { api, taskPath } from "../api.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { ConfirmDialog } from "../parts/dialog.js";
import { isFinal } from "../parts/status.js";
import { goTo, taskHref } from "../router.js";

export function TaskActions({ task, onChange }) {
  const [asked, setAsked] = useState(null);
  const close = () => setAsked(null);
  async function cancel() {
    await api("DELETE", taskPath(task.agentId, task.taskId));
    onChange();
  }
  async function retry() {
    // without an Idempotency-Key: a second request is answered with the task that the first has made
    const { taskId } = await api("POST", taskPath(task.agentId, task.taskId, "/retry"));
    goTo(taskHref(task.agentId, taskId));
  }
  const canRetry = task.status === "failed" || task.status === "canceled";
  return html`<div class="actions">
    ${!isFinal(task.status) &&
      html`<button type="button" onClick=${() => setAsked("cancel")}>${t("task.cancel")}</button>`}
    ${canRetry && html`<button type="button" onClick=${() => setAsked("retry")}>${t("task.retry")}</button>`}
    ${
      asked === "cancel" &&
      html`<${ConfirmDialog} title=${t("task.cancelTitle")} text=${t("task.cancelText")} confirm=${t("task.cancel")}
        isDangerous=${true} onConfirm=${cancel} onClose=${close} />`
    }
    ${
      asked === "retry" &&
      html`<${ConfirmDialog} title=${t("task.retryTitle")} text=${t("task.retryText")} confirm=${t("task.retry")}
        onConfirm=${retry} onClose=${close} />`
    }
  </div>`;
}
