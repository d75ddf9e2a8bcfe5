// A question of an agent, and the answer to it.
import { useId, useRef, useState } from "../vendor/hooks.mjs";
import { api, taskPath } from "../api.js";
import { html } from "../html.js";
import { t } from "../i18n.js";
import { useAction } from "../loading.js";
import { Problem } from "../parts/notices.js";

const LONGEST_ANSWER = 100_000; // characters

export function AnswerForm({ task, onAnswered }) {
  const [message, setMessage] = useState("");
  const field = useRef(null);
  const id = useId();
  const sending = useAction(async () => {
    await api("POST", taskPath(task.agentId, task.taskId, "/messages"), { body: { message } });
    onAnswered();
  });
  function choose(option) {
    setMessage(option);
    field.current.focus();
  }
  function submit(event) {
    event.preventDefault();
    if (message.trim()) sending.run();
  }
  return html`<form class="answer" onSubmit=${submit}>
    <p class="question-text" id=${id}>${task.question}</p>
    ${
      task.options?.length > 0 &&
      html`<div class="options" role="group" aria-label=${t("answer.options")}>
        ${task.options.map((option) =>
          html`<button key=${option} type="button" onClick=${() => choose(option)}>${option}</button>`)}
      </div>`
    }
    <textarea ref=${field} rows="2" maxlength=${LONGEST_ANSWER} aria-label=${t("answer.label")} aria-describedby=${id}
      value=${message}
      onInput=${(event) => setMessage(event.currentTarget.value)}></textarea>
    ${sending.error && html`<${Problem} error=${sending.error} />`}
    <button class="primary" disabled=${sending.isRunning || !message.trim()}>${t("answer.send")}</button>
  </form>`;
}
