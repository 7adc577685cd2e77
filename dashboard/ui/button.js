import { html } from "./html.js";
import { Icon } from "./icons.js";

/**
 * A button, or a link that looks like one if it has `href`.
 * @param {object} props
 * @param {"plain" | "primary" | "danger" | "quiet"} [props.kind]
 * @param {string} [props.icon]
 * @param {string} [props.label] for a button that is only an icon
 * @param {boolean} [props.busy] shows that it works, and takes no clicks meanwhile
 */
export function Button({ kind = "plain", icon, label, busy = false, href, type = "button", disabled, class: extra = "", children, ...rest }) {
  const classes = `button button-${kind} ${children ? "" : "button-icon"} ${extra}`;
  const content = html`${icon && html`<${Icon} name=${icon} />`}${children && html`<span>${children}</span>`}`;
  if (href) return html`<a class=${classes} href=${href} aria-label=${label} title=${children ? undefined : label} ...${rest}>${content}</a>`;
  return html`<button type=${type} class=${classes} aria-label=${label} title=${children ? undefined : label} aria-busy=${busy || undefined} disabled=${disabled || busy} ...${rest}>${content}</button>`;
}
