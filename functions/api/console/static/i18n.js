// Texts in the reader's language. A text is looked up by its name, and `{n}` in it is replaced.
import { preferences } from "./preferences.js";
import { english } from "./texts/en.js";
import { chinese } from "./texts/zh.js";

export function t(name, values = {}) {
  const texts = preferences.get().language === "zh" ? chinese : english;
  const text = texts[name] ?? english[name] ?? name;
  return text.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

// A text that may be missing, such as one for a code that this page does not know: then the name's end as it is.
export function named(prefix, value) {
  const name = `${prefix}.${value}`;
  return name in english ? t(name) : String(value);
}

// What an error's code means in the reader's language, where that is not the API's own.
export function translated(code) {
  return preferences.get().language === "zh" ? chinese[`api.${code}`] : undefined;
}

export function locale() {
  return preferences.get().language === "zh" ? "zh-CN" : "en-US";
}
