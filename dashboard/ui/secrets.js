import { html, useEffect, useState } from "./html.js";
import { Button } from "./button.js";
import { CopyButton } from "./copy.js";
import { Dialog } from "./dialog.js";
import { CheckField } from "./form.js";
import { Notice } from "./notice.js";
import { t } from "../lib/i18n.js";

/**
 * Secrets that no later answer has: shown once, each with a button that copies it. It closes only after somebody has said that they are kept.
 * @param {{title: string, entries: {label: string, value: string}[], onClose: () => void}} props `children`: what else is to be said
 */
export function SecretsOnce({ title, entries, onClose, children }) {
  const [kept, setKept] = useState(false);
  // Escape and the cross do nothing until then: what is closed by mistake is lost.
  const close = () => kept && onClose();
  // Chromium closes a dialog without asking when the key comes before any click in it.
  useEffect(() => {
    if (kept) return undefined;
    const hold = (event) => event.key === "Escape" && event.preventDefault();
    addEventListener("keydown", hold, true);
    return () => removeEventListener("keydown", hold, true);
  }, [kept]);
  return html`<${Dialog} title=${title} onClose=${close}>
    <${Notice} tone="warn">${t("secrets.once")}</${Notice}>
    ${children}
    <dl class="secrets">${entries.map(({ label, value }) => html`<div key=${label}><dt>${label}</dt><dd><code>${value}</code><${CopyButton} text=${value} label=${t("secrets.copy", { name: label })} /></dd></div>`)}</dl>
    <${CheckField} label=${t("secrets.kept")} checked=${kept} onChange=${setKept} />
    <div class="dialog-actions"><${Button} kind="primary" disabled=${!kept} onClick=${close}>${t("secrets.done")}</${Button}></div>
  </${Dialog}>`;
}

/** For how long old secrets stay valid beside new ones, as a choice. `value` in seconds. */
export const OVERLAPS = [0, 3_600, 86_400, 7 * 86_400, 30 * 86_400];
