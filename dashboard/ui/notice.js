import { html } from "./html.js";
import { Icon } from "./icons.js";

/** A sentence that has to be read: `neutral`, `good`, `warn` or `bad`. */
export function Notice({ tone = "neutral", icon, children }) {
  return html`<div class=${`notice notice-${tone}`}><${Icon} name=${icon ?? (tone === "neutral" ? "info" : tone === "good" ? "check" : "warning")} size=${18} /><div>${children}</div></div>`;
}
