// What narrows the list of tasks, as it stands in the address and as the API is asked.
import { DAY } from "./format.js";

export const RANGES = { "1h": DAY / 24, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY };
export const CUSTOM_RANGE = "custom";
export const SHORTEST_ID = 4; // characters of an id that the API looks for
export const MOST_AGENTS = 100; // whose tasks the API lists at once
const ID_PART = /^[0-9a-f-]{4,36}$/;

export function filtersOf(query) {
  return {
    status: listOf(query.get("status")),
    agent: listOf(query.get("agent")),
    range: query.get("range") ?? "",
    from: query.get("from") ?? "",
    to: query.get("to") ?? "",
    id: query.get("id") ?? "",
    page: query.get("page") ?? "",
  };
}

// The filters in an address; another page begins with the first.
export function addressOf(filters, changes = {}) {
  const all = { ...filters, page: "", ...changes };
  const { from, to } = all.range === CUSTOM_RANGE ? all : { from: "", to: "" };
  return { ...all, status: all.status.join(","), agent: all.agent.join(","), from, to };
}

export function areAny({ status, agent, range, id }) {
  return Boolean(status.length || agent.length || range || id);
}

// The query of GET /tasks.
export function requestOf(filters, now) {
  const { status, agent, range, from, to, id, page } = filters;
  const span = RANGES[range];
  return {
    status,
    agentId: agent,
    createdAfter: span ? new Date(now - span).toISOString() : instant(from),
    createdBefore: instant(to),
    id: isIdPart(id) ? id : "",
    pageToken: page,
  };
}

// Of which agents the tasks are asked for, so that all are: those of a small project need not be named.
export function agentGroups(agents) {
  if (agents.length <= MOST_AGENTS) return [[]];
  const ids = agents.map((agent) => agent.agentId);
  return Array.from({ length: Math.ceil(ids.length / MOST_AGENTS) }, (_, index) =>
    ids.slice(index * MOST_AGENTS, (index + 1) * MOST_AGENTS),
  );
}

// Whether the API would look for it.
export function isIdPart(text) {
  return ID_PART.test(text);
}

function listOf(text) {
  return text ? text.split(",").filter(Boolean) : [];
}

// Of what an input of date and time holds, which is in the reader's time zone.
function instant(text) {
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? "" : at.toISOString();
}

// For such an input: an instant in the reader's time zone, to the minute.
export function localInput(text) {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return "";
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
