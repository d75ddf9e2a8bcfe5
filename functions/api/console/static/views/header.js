// What is above every view: where one can go, and how the page looks.
import { t } from "../i18n.js";
import { html } from "../html.js";
import { nextTheme, prefer, preferences } from "../preferences.js";
import { hrefOf } from "../router.js";
import { signOut } from "../session.js";

const DESTINATIONS = ["tasks", "inbox", "usage"];

export function Header({ place, isSignedIn, onSkip }) {
  const { language, theme } = preferences.get();
  return html`<header class="header">
    <button type="button" class="skip" onClick=${onSkip}>${t("nav.skip")}</button>
    <a class="brand" href=${hrefOf(["tasks"])}>a2a-tasks</a>
    ${
      isSignedIn &&
      html`<nav aria-label=${t("nav.label")}>
      ${DESTINATIONS.map(
        (each) =>
          html`<a key=${each} href=${hrefOf([each])} aria-current=${each === place ? "page" : undefined}>
            ${t(`nav.${each}`)}
          </a>`,
      )}
    </nav>`
    }
    <div class="header-tools">
      <button type="button" class="quiet" lang=${language === "zh" ? "en" : "zh-CN"}
        onClick=${() => prefer({ language: language === "zh" ? "en" : "zh" })}>
        ${language === "zh" ? "English" : "中文"}
      </button>
      <button type="button" class="quiet" aria-label=${t("theme.label", { theme: t(`theme.${theme}`) })}
        onClick=${() => prefer({ theme: nextTheme() })}>
        ${t(`theme.${theme}`)}
      </button>
      ${isSignedIn && html`<button type="button" class="quiet" onClick=${() => signOut()}>${t("nav.signout")}</button>`}
    </div>
  </header>`;
}
