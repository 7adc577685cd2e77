import { html } from "./html.js";
import { Icon } from "./icons.js";

/** A line to search in. `onInput` gets the text. */
export function SearchField({ label, placeholder, value, onInput }) {
  return html`<div class="search-field"><${Icon} name="search" />
    <input class="input" type="search" aria-label=${label} placeholder=${placeholder} value=${value} spellcheck=${false} autocapitalize="off" onInput=${(event) => onInput(event.currentTarget.value)} />
  </div>`;
}
