// Markup as tagged templates. What is put into them is text, never markup: nothing here sets innerHTML, and the
// page's content security policy refuses it.
import { h } from "./vendor/preact.mjs";
import htm from "./vendor/htm.mjs";

export const html = htm.bind(h);

// Class names; what is false is left out.
export function classes(...names) {
  return names.filter(Boolean).join(" ");
}
