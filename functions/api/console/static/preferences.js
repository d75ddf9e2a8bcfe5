// How the page looks to this reader: language and colors. They are kept for the next visit.
import { createStore } from "./store.js";

const PLACE = "a2a-tasks.preferences";
const LANGUAGES = ["en", "zh"];
const THEMES = ["auto", "light", "dark"];

function remembered() {
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem(PLACE)) ?? {};
  } catch {
    // nothing kept, or nothing that can be read
  }
  const preferred = navigator.languages.find((tag) => LANGUAGES.includes(tag.slice(0, 2)))?.slice(0, 2);
  return {
    language: LANGUAGES.includes(kept.language) ? kept.language : (preferred ?? "en"),
    theme: THEMES.includes(kept.theme) ? kept.theme : "auto",
  };
}

export const preferences = createStore(remembered());

export function prefer(changes) {
  preferences.set({ ...preferences.get(), ...changes });
  try {
    localStorage.setItem(PLACE, JSON.stringify(preferences.get()));
  } catch {
    // it holds until the page is closed
  }
  applyPreferences();
}

export function nextTheme() {
  return THEMES[(THEMES.indexOf(preferences.get().theme) + 1) % THEMES.length];
}

export function applyPreferences() {
  const { language, theme } = preferences.get();
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.documentElement.dataset.theme = theme;
}
