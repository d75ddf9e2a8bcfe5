// Numbers, amounts and times as people read them.
import { locale, t } from "./i18n.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export function number(value) {
  return new Intl.NumberFormat(locale()).format(value);
}

// 12,345 as 12.3K.
export function compact(value) {
  return new Intl.NumberFormat(locale(), { notation: "compact", maximumFractionDigits: 1 }).format(value);
}

// Whole cents from a dollar on; of less the first two digits that say something.
export function usd(value) {
  if (value === undefined || value === null) return "–";
  const digits = value === 0 || value >= 1 ? 2 : Math.min(6, 1 - Math.floor(Math.log10(value)));
  return `$${value.toFixed(Math.max(2, digits))}`;
}

export function duration(milliseconds) {
  const ms = Math.max(0, milliseconds);
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < 10 * SECOND) return `${(ms / SECOND).toFixed(1)} s`;
  if (ms < MINUTE) return `${Math.round(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ${Math.round((ms % MINUTE) / SECOND)} s`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h ${Math.round((ms % HOUR) / MINUTE)} min`;
  return `${(ms / DAY).toFixed(1)} d`;
}

export function moment(iso) {
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "medium" }).format(new Date(iso));
}

// "3 min ago"; what is older than two days has its date.
export function ago(iso, now) {
  const at = Date.parse(iso);
  const ms = now - at;
  if (ms < 5 * SECOND) return t("time.now");
  const format = new Intl.RelativeTimeFormat(locale(), { numeric: "always", style: "short" });
  if (ms < MINUTE) return format.format(-Math.floor(ms / SECOND), "second");
  if (ms < HOUR) return format.format(-Math.floor(ms / MINUTE), "minute");
  if (ms < 2 * DAY) return format.format(-Math.floor(ms / HOUR), "hour");
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium" }).format(at);
}

export function bytes(count) {
  if (count < 1000) return `${count} B`;
  return count < 1_000_000 ? `${(count / 1000).toFixed(1)} kB` : `${(count / 1_000_000).toFixed(1)} MB`;
}

export function tokensOf(usage) {
  const { inputTokens = 0, outputTokens = 0, cacheReadTokens = 0, cacheWriteTokens = 0 } = usage ?? {};
  return inputTokens + outputTokens + cacheReadTokens + cacheWriteTokens;
}

// A UUIDv7 begins with its time, so that ids of one minute look alike: their ends tell them apart.
export function shortId(id) {
  return id.length > 20 ? `…${id.slice(-12)}` : id;
}

// The day of a moment, in UTC as usage is counted: "2026-11-01".
export function dayOf(milliseconds) {
  return new Date(milliseconds).toISOString().slice(0, 10);
}
