// One message of a conversation.
import { html } from "../html.js";
import { t } from "../i18n.js";
import { Json, LongText, OuterLink } from "./text.js";
import { Moment } from "./times.js";

// `parts` as A2A has them: text, data, or files.
export function Message({ role, at, href, parts }) {
  const who = role === "user" || role === "ROLE_USER" ? "user" : "agent";
  return html`<li class=${`said said-${who}`}>
    <p class="said-head"><b>${t(`said.${who}`)}</b> ${at && html`<span class="faint"><${Moment} at=${at} /></span>`}
      ${href && html` <a href=${href}>${t("said.task")}</a>`}</p>
    ${parts.map((part, index) => html`<${Part} key=${index} part=${part} />`)}
  </li>`;
}

function Part({ part }) {
  if (part.text !== undefined) return html`<${LongText} text=${part.text} />`;
  if (part.data !== undefined) return html`<${Json} value=${part.data} />`;
  const name = part.filename || part.mediaType || t("said.file");
  return html`<p><${OuterLink} href=${part.url}>${name}<//></p>`;
}
