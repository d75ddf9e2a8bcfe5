// The form for those who have not said who they are.
import { useState } from "../vendor/hooks.mjs";
import { t } from "../i18n.js";
import { html } from "../html.js";
import { signIn } from "../session.js";

const SENDABLE = /^[\x21-\x7e]+$/; // in a header

export function SignIn({ notice }) {
  const [key, setKey] = useState("");
  const [problem, setProblem] = useState(null);
  function submit(event) {
    event.preventDefault();
    const wanted = key.trim();
    if (SENDABLE.test(wanted)) signIn(wanted);
    else setProblem("signin.noKey");
  }
  const told = problem ?? notice;
  return html`<section class="signin">
    <h1>${t("signin.title")}</h1>
    <p>${t("signin.about")}</p>
    <form onSubmit=${submit}>
      <label for="key">${t("signin.key")}</label>
      <input id="key" name="key" type="password" autocomplete="off" spellcheck=${false} autofocus value=${key}
        aria-invalid=${told ? "true" : undefined} aria-describedby=${told ? "key-problem" : undefined}
        onInput=${(event) => setKey(event.currentTarget.value)} />
      ${told && html`<p id="key-problem" class="field-problem" role="alert">${t(told)}</p>`}
      <button class="primary">${t("signin.submit")}</button>
    </form>
    <p class="faint">${t("signin.kept")}</p>
  </section>`;
}
