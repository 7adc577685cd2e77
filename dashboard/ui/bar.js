import { html } from "./html.js";

const share = (value, of) => (of > 0 ? Math.min(100, Math.max(0, (value / of) * 100)) : 0);

/**
 * A bar of how much of something is used or done.
 * @param {object} props
 * @param {number} props.value
 * @param {number} [props.of] what is full; 100 by default
 * @param {number} [props.second] drawn after `value`, paler: what is reserved
 * @param {string} props.label for screen readers
 * @param {string} [props.text] the value as a text, for screen readers
 * @param {"accent" | "good" | "warn" | "bad"} [props.tone]
 */
export function Bar({ value, of = 100, second = 0, label, text, tone = "accent" }) {
  const part = share(value, of);
  return html`<div class=${`bar bar-${tone}`} role="progressbar" aria-label=${label} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(part)} aria-valuetext=${text}>
    <div class="bar-value" style=${{ width: `${part}%` }}></div>
    ${second > 0 && html`<div class="bar-second" style=${{ width: `${Math.min(100 - part, share(second, of))}%` }}></div>`}
  </div>`;
}

/** The tone of a quota: from 80 % on it warns, as the API does; full is bad. */
export const quotaTone = (percent) => (percent >= 100 ? "bad" : percent >= 80 ? "warn" : "accent");
