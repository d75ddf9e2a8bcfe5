// A button that opens a list of choices, of which several may hold.
import { useEffect, useRef, useState } from "../vendor/hooks.mjs";
import { t } from "../i18n.js";
import { html } from "../html.js";

const SEARCHED_FROM = 9; // choices

export function ChoiceMenu({ label, choices, chosen, onChange }) {
  const [wanted, setWanted] = useState("");
  const menu = useRef(null);
  useClosing(menu);
  const shown = choices.filter((choice) =>
    `${choice.value} ${choice.label}`.toLowerCase().includes(wanted.toLowerCase()),
  );
  const toggle = (value) => (chosen.includes(value) ? chosen.filter((each) => each !== value) : [...chosen, value]);
  return html`<details class="menu" ref=${menu}>
    <summary>${label}${chosen.length > 0 && html` <b>${chosen.length}</b>`}</summary>
    <div class="menu-list">
      ${
        choices.length >= SEARCHED_FROM &&
        html`<input type="search" aria-label=${t("menu.search")} placeholder=${t("menu.search")} value=${wanted}
        onInput=${(event) => setWanted(event.currentTarget.value)} />`
      }
      <ul>
        ${shown.map(
          (choice) => html`<li key=${choice.value}><label>
            <input type="checkbox" checked=${chosen.includes(choice.value)}
              onChange=${() => onChange(toggle(choice.value))} />
            <span>${choice.label}</span>
          </label></li>`,
        )}
      </ul>
      ${shown.length === 0 && html`<p class="faint">${t("menu.nothing")}</p>`}
    </div>
  </details>`;
}

// Close on Escape, on a click elsewhere, and when the focus leaves.
function useClosing(menu) {
  useEffect(() => {
    const element = menu.current;
    const leave = (event) => element.contains(event.target) || element.removeAttribute("open");
    function escape(event) {
      if (event.key !== "Escape" || !element.open) return;
      element.open = false;
      element.querySelector("summary").focus();
    }
    document.addEventListener("pointerdown", leave);
    document.addEventListener("focusin", leave);
    element.addEventListener("keydown", escape);
    return () => {
      document.removeEventListener("pointerdown", leave);
      document.removeEventListener("focusin", leave);
      element.removeEventListener("keydown", escape);
    };
  }, [menu]);
}
