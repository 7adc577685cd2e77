import { html } from "./html.js";
import { Button } from "./button.js";
import { createStore, useStore } from "../lib/store.js";
import { t } from "../lib/i18n.js";

const toasts = createStore([]);
let last = 0;

/** Takes a message away. */
export const dismiss = (id) => toasts.set((all) => all.filter((one) => one.id !== id));

/**
 * Shows a message for some seconds.
 * @param {string} text
 * @param {object} [options]
 * @param {"neutral" | "good" | "bad"} [options.tone]
 * @param {{label: string, act: () => void}} [options.action]
 * @param {number} [options.ms] for how long; 6,000 by default
 * @returns {number} its id
 */
export function toast(text, { tone = "neutral", action, ms = 6_000 } = {}) {
  const id = ++last;
  toasts.set((all) => [...all.slice(-3), { id, text, tone, action }]);
  setTimeout(() => dismiss(id), ms);
  return id;
}

/** The place where messages appear; once in the page. */
export function Toasts() {
  const shown = useStore(toasts);
  return html`<div class="toasts" role="status" aria-live="polite">
    ${shown.map(({ id, text, tone, action }) => html`<div class=${`toast toast-${tone}`} key=${id}>
      <span>${text}</span>
      ${action && html`<${Button} kind="quiet" onClick=${() => {
        action.act();
        dismiss(id);
      }}>${action.label}</${Button}>`}
      <${Button} kind="quiet" icon="close" label=${t("action.close")} onClick=${() => dismiss(id)} />
    </div>`)}
  </div>`;
}
