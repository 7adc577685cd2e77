import { html } from "../../ui/html.js";
import { Confirm } from "../../ui/dialog.js";
import { toast } from "../../ui/toast.js";
import { del } from "../../lib/api.js";
import { useAction } from "../../lib/query.js";
import { t } from "../../lib/i18n.js";

/** Takes an edge out at once. */
export function Disabling({ edge, change, onClose }) {
  const disable = useAction(async () => {
    await change(edge, "disabled");
    onClose();
  });
  return html`<${Confirm} title=${`${t("edges.disable")}: ${edge.name}`} action=${t("edges.disable")} danger busy=${disable.busy} error=${disable.error} onConfirm=${disable.run} onClose=${onClose}><p>${t("edges.disableText", { name: edge.name })}</p></${Confirm}>`;
}

/** Forgets an edge. */
export function Removal({ edge, onClose, onDone }) {
  const remove = useAction(async () => {
    await del(`/api/portal/edges/${encodeURIComponent(edge.id)}`);
    toast(t("edges.deleted", { name: edge.name }), { tone: "good" });
    onDone();
  });
  return html`<${Confirm} title=${t("edges.deleteOf", { name: edge.name })} action=${t("action.delete")} danger busy=${remove.busy} error=${remove.error} onConfirm=${remove.run} onClose=${onClose}><p>${t("edges.deleteText")}</p></${Confirm}>`;
}
