// What came of a task: its answer, and what it has saved beside it.
import { bytes } from "../format.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { Empty } from "../parts/notices.js";
import { CopyButton, Json, LongText, OuterLink } from "../parts/text.js";

export function Result({ task }) {
  const { result, data, artifacts = [], partial, notes = [] } = task.output ?? {};
  const isEmpty = result === undefined && data === undefined && artifacts.length === 0;
  if (isEmpty) return html`<${Empty} title=${t("result.none")} />`;
  return html`<section aria-label=${t("tab.result")}>
    ${partial && html`<p class="card notice">${t("result.partial")}</p>`}
    ${notes.map((note, index) => html`<p key=${index} class="card notice">${note}</p>`)}
    ${
      result !== undefined &&
      html`<div class="section-head">
          <h2>${t("result.answer")}</h2><${CopyButton} text=${result} label=${t("result.copy")} />
        </div>
        <${LongText} text=${result} />`
    }
    ${data !== undefined && html`<h2>${t("result.data")}</h2><${Json} value=${data} />`}
    ${artifacts.length > 0 && html`<h2>${t("result.artifacts")}</h2><${Artifacts} artifacts=${artifacts} />`}
  </section>`;
}

function Artifacts({ artifacts }) {
  return html`<ul class="artifacts">
    ${artifacts.map(
      (each) => html`<li key=${each.artifactId} class="card">
        <${OuterLink} href=${each.url}>${each.name}<//>
        <span class="faint">${kindOf(each)}</span>
        ${each.external && html`<span class="tag">${t("result.external")}</span>`}
      </li>`,
    )}
  </ul>`;
}

function kindOf({ mediaType, sizeBytes }) {
  return sizeBytes === undefined ? mediaType : `${mediaType} · ${bytes(sizeBytes)}`;
}
