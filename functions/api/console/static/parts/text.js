// Texts of tasks. They are strangers' texts: shown as they are, and never taken for markup.
import { useEffect, useRef, useState } from "../vendor/hooks.mjs";
import { number } from "../format.js";
import { t } from "../i18n.js";
import { classes, html } from "../html.js";

const SHOWN_AT_FIRST = 20_000; // characters
const COPIED_MS = 2_000;

export function LongText({ text, isCode }) {
  const [isWhole, setWhole] = useState(false);
  const isCut = !isWhole && text.length > SHOWN_AT_FIRST;
  return html`<pre class=${classes("text", isCode && "code")}
    tabindex="0">${isCut ? text.slice(0, SHOWN_AT_FIRST) : text}</pre>
    ${
      isCut &&
      html`<button type="button"
        onClick=${() => setWhole(true)}>${t("text.whole", { n: number(text.length) })}</button>`
    }`;
}

export function Json({ value }) {
  return html`<${LongText} isCode=${true} text=${JSON.stringify(value, null, 2)} />`;
}

// A link that somebody gave: only to the web, and without a way back to this page.
export function OuterLink({ href, children }) {
  if (!isWeb(href)) return html`<span>${children}</span>`;
  return html`<a href=${href} target="_blank" rel="noopener noreferrer">${children}</a>`;
}

export function isWeb(href) {
  try {
    return ["http:", "https:"].includes(new URL(href).protocol);
  } catch {
    return false;
  }
}

export function CopyButton({ text, label }) {
  const [isCopied, setCopied] = useState(false);
  const timer = useRef(null);
  useEffect(() => () => clearTimeout(timer.current), []);
  if (!navigator.clipboard) return null; // on plain HTTP
  async function copy() {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    timer.current = setTimeout(() => setCopied(false), COPIED_MS);
  }
  return html`<button type="button" class="quiet" aria-label=${label} onClick=${copy}>
    <span aria-live="polite">${isCopied ? t("text.copied") : t("text.copy")}</span>
  </button>`;
}
