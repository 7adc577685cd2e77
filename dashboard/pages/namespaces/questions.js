import { html } from "../../ui/html.js";
import { Confirm } from "../../ui/dialog.js";
import { toast } from "../../ui/toast.js";
import { del, post } from "../../lib/api.js";
import { useAction } from "../../lib/query.js";
import { t } from "../../lib/i18n.js";

/** Empties the caches of a namespace. */
export function Purge({ path, name, onClose }) {
  const purge = useAction(async () => {
    const { generation } = await post(`${path}/purge`);
    toast(t("namespaces.purged", { generation }), { tone: "good" });
    onClose();
  });
  return html`<${Confirm} title=${t("namespaces.purge")} action=${t("namespaces.purge")} danger busy=${purge.busy} error=${purge.error} onConfirm=${purge.run} onClose=${onClose}><p class="breaks">${t("namespaces.purgeText", { name })}</p></${Confirm}>`;
}

/** Deletes a namespace that is empty. */
export function Removal({ path, name, onClose, onDone }) {
  const remove = useAction(async () => {
    await del(path);
    toast(t("namespaces.deleted", { name }), { tone: "good" });
    onDone();
  });
  return html`<${Confirm} title=${t("namespaces.delete")} action=${t("action.delete")} danger busy=${remove.busy} error=${remove.error} onConfirm=${remove.run} onClose=${onClose}><p class="breaks">${t("namespaces.deleteText", { name })}</p></${Confirm}>`;
}
