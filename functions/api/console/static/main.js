// The page: who works here, where they are, and the view for it.
import { render } from "./vendor/preact.mjs";
import { useEffect, useRef } from "./vendor/hooks.mjs";
import { api } from "./api.js";
import { t } from "./i18n.js";
import { html } from "./html.js";
import { useLoaded } from "./loading.js";
import { Shown } from "./parts/notices.js";
import { applyPreferences, preferences } from "./preferences.js";
import { hrefOf, useRoute } from "./router.js";
import { session } from "./session.js";
import { useStore } from "./store.js";
import { ConversationView } from "./views/conversation.js";
import { Header } from "./views/header.js";
import { InboxView } from "./views/inbox.js";
import { SignIn } from "./views/signin.js";
import { TaskView } from "./views/task.js";
import { TasksView } from "./views/tasks.js";
import { UsageView } from "./views/usage.js";

const PLACES = ["tasks", "inbox", "usage", "conversations"];

function viewOf({ parts, query }, agents) {
  const [place = "tasks", ...rest] = parts;
  if (place === "tasks" && rest.length === 0) return html`<${TasksView} query=${query} agents=${agents} />`;
  if (place === "tasks" && rest.length === 2) {
    return html`<${TaskView} key=${rest.join("/")} agentId=${rest[0]} taskId=${rest[1]} query=${query} />`;
  }
  if (place === "conversations" && rest.length === 2) {
    return html`<${ConversationView} key=${rest.join("/")} agentId=${rest[0]} sessionId=${rest[1]} query=${query} />`;
  }
  if (place === "inbox") return html`<${InboxView} agents=${agents} />`;
  if (place === "usage") return html`<${UsageView} query=${query} agents=${agents} />`;
  return html`<h1>${t("nowhere.title")}</h1><p class="empty"><a href=${hrefOf(["tasks"])}>${t("nowhere.back")}</a></p>`;
}

function App() {
  useStore(preferences);
  const { key, notice } = useStore(session);
  const route = useRoute();
  const place = route.parts[0] ?? "tasks";
  const path = route.parts.join("/");
  const main = useRef(null);
  const agents = useLoaded((signal) => api("GET", "/agents", { signal }), key);
  useFilterKey();
  useMovedFocus(main, path);
  useEffect(() => {
    document.title = key && PLACES.includes(place) ? `${t(`nav.${place}`)} · a2a-tasks` : "a2a-tasks";
  });
  return html`<${Header} place=${place} isSignedIn=${Boolean(key)} onSkip=${() => main.current.focus()} />
    <main ref=${main} tabindex="-1">
      ${key ? html`<${Shown} of=${agents}>${(found) => viewOf(route, found.agents)}<//>` :
        html`<${SignIn} notice=${notice} />`}
    </main>`;
}

// `/` goes to what narrows the view, if nobody is writing.
function useFilterKey() {
  useEffect(() => {
    function pressed(event) {
      const isWriting = event.target.closest?.("input, textarea, select, [contenteditable], dialog");
      const filter = document.querySelector("[data-filter]");
      if (event.key !== "/" || isWriting || !filter || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      filter.focus();
    }
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}

// Those who hear the page are told of another view by the focus, as a browser does it with another page.
function useMovedFocus(main, path) {
  const before = useRef(path);
  useEffect(() => {
    if (before.current === path) return;
    before.current = path;
    main.current.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [path]);
}

applyPreferences();
render(html`<${App} />`, document.getElementById("app"));
