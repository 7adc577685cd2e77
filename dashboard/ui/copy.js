import { html, useEffect, useState } from "./html.js";
import { Button } from "./button.js";
import { t } from "../lib/i18n.js";

/** Copies a text; its icon says for two seconds that it did. */
export function CopyButton({ text, label, kind = "quiet", children }) {
  const [done, setDone] = useState(null);
  useEffect(() => {
    if (done === null) return undefined;
    const timer = setTimeout(() => setDone(null), 2_000);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(typeof text === "function" ? await text() : text);
      setDone(true);
    } catch {
      setDone(false);
    }
  };
  return html`<${Button} kind=${kind} icon=${done ? "check" : "copy"} label=${children ? undefined : label ?? t("action.copy")} onClick=${copy}>${children}</${Button}>
    <span class="only-read" role="status">${done === true ? t("action.copied") : done === false ? t("action.copyFailed") : ""}</span>`;
}
