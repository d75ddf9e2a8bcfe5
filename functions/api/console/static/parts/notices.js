// What is shown in place of something: that it is loading, that there is nothing, or what went wrong.
import { t, translated } from "../i18n.js";
import { html } from "../html.js";

export function Loading() {
  return html`<p class="loading" role="status"><span class="spinner" aria-hidden="true"></span>${t("loading")}</p>`;
}

export function Empty({ title, children }) {
  return html`<div class="empty"><p class="empty-title">${title}</p>${children}</div>`;
}

// An error, and a way to try again.
export function Problem({ error, onRetry }) {
  const text =
    error.status === 0 ? t("error.unreachable") : (translated(error.code) ?? (error.message || t("error.unknown")));
  return html`<div class="problem" role="alert">
    <p>${text} ${error.code && error.status !== 0 && html`<code>${error.code}</code>`}</p>
    ${onRetry && html`<button type="button" onClick=${onRetry}>${t("error.again")}</button>`}
  </div>`;
}

// What useLoaded and usePolled give: the data once it is there, whatever went wrong since then above it.
export function Shown({ of: loaded, children }) {
  if (loaded.data === undefined) {
    return loaded.error ? html`<${Problem} error=${loaded.error} onRetry=${loaded.reload} />` : html`<${Loading} />`;
  }
  return html`${loaded.error &&
    html`<${Problem} error=${loaded.error} onRetry=${loaded.reload} />`}${children(loaded.data)}`;
}
