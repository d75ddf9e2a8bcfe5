// Requests to the API that has sent this page, with the key of the session.
import { session, signOut } from "./session.js";

const BASE = location.pathname.replace(/\/console\/?$/, "");
const PATIENCE_MS = 35_000; // longer than the gateway's own

export class ApiError extends Error {
  constructor(status, code, message, retryAfterMs) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }

  // Whether the same request may be answered later.
  get isPassing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

// The path of an agent's routes, and of a task's.
export function agentPath(agentId, rest = "") {
  return `/a2a/${encodeURIComponent(agentId)}${rest}`;
}

export function taskPath(agentId, taskId, rest = "") {
  return agentPath(agentId, `/tasks/${encodeURIComponent(taskId)}${rest}`);
}

// The answer's document. Throws ApiError; DOMException (AbortError) where `signal` ends the request.
export async function api(method, path, { query = {}, body, signal, headers = {} } = {}) {
  const response = await send(method, `${path}${queryOf(query)}`, {
    body: body === undefined ? undefined : JSON.stringify(body),
    headers: { ...headers, ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
    signal: AbortSignal.any([AbortSignal.timeout(PATIENCE_MS), ...(signal ? [signal] : [])]),
  });
  return response.json().catch(() => ({}));
}

// The whole response, as for streams.
export async function send(method, path, { body, headers = {}, signal } = {}) {
  const response = await fetch(BASE + path, {
    method,
    body,
    signal,
    headers: { ...headers, Authorization: `Bearer ${session.get().key}` },
    cache: "no-store",
    credentials: "omit",
  }).catch((error) => {
    if (signal?.aborted && signal.reason?.name !== "TimeoutError") throw error;
    throw new ApiError(0, "UNREACHABLE", "");
  });
  if (response.ok) return response;
  const error = await errorOf(response);
  if (error.status === 401) signOut("signin.refused");
  throw error;
}

// A list in the form that routes take: separated by commas.
function queryOf(query) {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    const text = Array.isArray(value) ? value.join(",") : value;
    if (text !== undefined && text !== null && text !== "") params.set(name, text);
  }
  return params.size ? `?${params}` : "";
}

async function errorOf(response) {
  const answer = await response.json().catch(() => ({}));
  // A2A's errors are one level deeper
  const told = typeof answer.error === "object" && answer.error !== null ? answer.error : answer;
  const wait = Number(response.headers.get("Retry-After"));
  const message = typeof answer.error === "string" ? answer.error : (told.message ?? "");
  return new ApiError(response.status, told.code ?? String(response.status), message, wait ? wait * 1000 : undefined);
}
