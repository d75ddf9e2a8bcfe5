// A question before something that cannot be undone. The browser keeps the focus in it, and Escape closes it.
import { useEffect, useId, useRef } from "../vendor/hooks.mjs";
import { t } from "../i18n.js";
import { html } from "../html.js";
import { useAction } from "../loading.js";
import { Problem } from "./notices.js";

export function ConfirmDialog({ title, text, confirm, isDangerous, onConfirm, onClose }) {
  const dialog = useRef(null);
  const heading = useId();
  const action = useAction(async () => {
    await onConfirm();
    onClose();
  });
  useEffect(() => {
    dialog.current.showModal();
  }, []);
  return html`<dialog ref=${dialog} class="dialog" aria-labelledby=${heading} onClose=${onClose}>
    <h2 id=${heading}>${title}</h2>
    <p>${text}</p>
    ${action.error && html`<${Problem} error=${action.error} />`}
    <div class="actions">
      <button type="button" onClick=${onClose}>${t("dialog.close")}</button>
      <button type="button" class=${isDangerous ? "danger" : "primary"} disabled=${action.isRunning}
        onClick=${() => action.run()}>
        ${confirm}
      </button>
    </div>
  </dialog>`;
}
