// Moments, as how long ago they are; the exact one is in the title, and for machines.
import { ago, moment } from "../format.js";
import { html } from "../html.js";

export function Ago({ at, now }) {
  return html`<time datetime=${at} title=${moment(at)}>${ago(at, now)}</time>`;
}

export function Moment({ at }) {
  return html`<time datetime=${at} title=${at}>${moment(at)}</time>`;
}
