// Where the reader is: `#/tasks/<agent>/<task>?tab=…`. What is shown is all in the address, so that it can be kept,
// sent to others and gone back to. What follows `#` never leaves the browser.
import { useEffect, useState } from "./vendor/hooks.mjs";

export function parseHash(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  return { parts: path.split("/").filter(Boolean).map(decoded), query: new URLSearchParams(query) };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

// An address of this page. Query values that are empty are left out.
export function hrefOf(parts, query = {}) {
  const wanted = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const params = new URLSearchParams(wanted).toString();
  return `#/${parts.map(encodeURIComponent).join("/")}${params && `?${params}`}`;
}

export function taskHref(agentId, taskId, query) {
  return hrefOf(["tasks", agentId, taskId], query);
}

export function goTo(href, { replace = false } = {}) {
  if (replace) location.replace(href);
  else location.hash = href;
}

export function useRoute() {
  const [route, setRoute] = useState(() => parseHash(location.hash));
  useEffect(() => {
    const changed = () => setRoute(parseHash(location.hash));
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}
