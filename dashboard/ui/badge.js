import { html } from "./html.js";

/** A word with a colour: `neutral`, `good`, `warn`, `bad`, `accent`. The colour never says more than the word. */
export function Badge({ tone = "neutral", children }) {
  return html`<span class=${`badge badge-${tone}`}>${children}</span>`;
}
