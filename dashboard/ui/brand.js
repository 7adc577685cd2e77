import { html } from "./html.js";

/** The product's mark, part of the page so that it is no request of its own (index.html has the same for the window's tab). */
export const Mark = ({ size = 22 }) => html`<svg width=${size} height=${size} viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7" fill="#2f5fe0" /><path d="M8 22h16M8 16h10M8 10h5" stroke="#fff" stroke-width="3" stroke-linecap="round" /></svg>`;
