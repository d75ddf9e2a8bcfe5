// What tasks have used, put together for a chart and a table.
import { api } from "./api.js";
import { DAY, dayOf } from "./format.js";

export const GROUPS = ["agent", "model", "key", "day"];
export const SPANS = { "7d": 7, "14d": 14, "30d": 30 }; // days
const FIELDS = { agent: "agentId", model: "model", key: "keyId", day: "day" };
const MOST_PAGES = 20; // requests for one view; what they leave is said
const MOST_SERIES = 7; // beside "others"
export const OTHERS = "\0others"; // no id has this character

const COUNTS = [
  "tasks",
  "completed",
  "failed",
  "canceled",
  "costUsd",
  "unpricedTasks",
  "inputTokens",
  "outputTokens",
  "cacheReadTokens",
  "cacheWriteTokens",
];

// The days of a span that ends today, the oldest first, as "2026-11-01".
export function daysOf(span, now) {
  const days = SPANS[span] ?? SPANS["7d"];
  return Array.from({ length: days }, (_, index) => dayOf(now - (days - 1 - index) * DAY));
}

// All rows of the span, as far as so many requests go: { rows, isWhole }.
export async function loadUsage({ by, days, agentId }, signal) {
  const query = { by, from: days[0], to: days.at(-1), agentId };
  const rows = [];
  let pageToken;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer = await api("GET", "/usage", { query: { ...query, pageToken }, signal });
    rows.push(...answer.rows);
    pageToken = answer.nextPageToken;
    if (!pageToken) return { rows, isWhole: true };
  }
  return { rows, isWhole: false };
}

// Sums by value, the dearest first (days: the newest), each with its costs by day: { value, sum, costs }.
export function groupsOf(rows, by, days) {
  const groups = new Map();
  for (const row of rows) {
    const value = row[FIELDS[by]] ?? "";
    const group = groups.get(value) ?? { value, sum: zero(), costs: new Map() };
    groups.set(value, group);
    add(group.sum, row);
    group.costs.set(row.day, (group.costs.get(row.day) ?? 0) + (row.costUsd ?? 0));
  }
  const found = [...groups.values()].map((group) => ({
    ...group,
    costs: days.map((day) => group.costs.get(day) ?? 0),
  }));
  if (by === "day") return found.sort((one, other) => (one.value < other.value ? 1 : -1));
  return found.sort((one, other) => other.sum.costUsd - one.sum.costUsd || other.sum.tasks - one.sum.tasks);
}

export function totalOf(rows) {
  const sum = zero();
  for (const row of rows) add(sum, row);
  return sum;
}

// The groups that a chart shows: the dearest ones, and the others as one.
export function seriesOf(groups, by) {
  if (by === "day") return [{ value: "", costs: sumOf(groups) }];
  const series = groups.slice(0, MOST_SERIES);
  const others = groups.slice(MOST_SERIES);
  return others.length ? [...series, { value: OTHERS, costs: sumOf(others) }] : series;
}

function sumOf(groups) {
  const length = groups[0]?.costs.length ?? 0;
  return Array.from({ length }, (_, day) => groups.reduce((sum, group) => sum + group.costs[day], 0));
}

function zero() {
  return Object.fromEntries(COUNTS.map((name) => [name, 0]));
}

function add(sum, row) {
  for (const name of COUNTS) sum[name] += row[name] ?? 0;
}
