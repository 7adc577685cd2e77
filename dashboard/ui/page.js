import { html } from "./html.js";

/** The head of a page: its name, one line about it, and its actions. The router moves the focus to the name. */
export function PageHeader({ title, text, children }) {
  return html`<header class="page-header">
    <div><h1 tabindex="-1">${title}</h1>${text && html`<p class="page-text">${text}</p>`}</div>
    ${children && html`<div class="page-actions">${children}</div>`}
  </header>`;
}

/** A part of a page with a name. */
export function Section({ title, text, actions, children, class: extra = "" }) {
  return html`<section class=${`section ${extra}`}>
    ${title && html`<div class="section-header"><div><h2>${title}</h2>${text && html`<p class="section-text">${text}</p>`}</div>${actions && html`<div class="page-actions">${actions}</div>`}</div>`}
    ${children}
  </section>`;
}

/** Names and values under each other. `entries`: [name, value]; those whose value is null or undefined are left out. */
export function Facts({ entries }) {
  return html`<dl class="facts">${entries.filter(([, value]) => value != null).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}
