import { html } from "../../ui/html.js";
import { Confirm } from "../../ui/dialog.js";
import { toast } from "../../ui/toast.js";
import { del, patch } from "../../lib/api.js";
import { useAction } from "../../lib/query.js";
import { webhooksPath } from "../../lib/webhooks.js";
import { t } from "../../lib/i18n.js";

/** Draws another secret, beside which the old one signs for a day. */
export function Rotation({ namespace, webhook, onSaved, onClose }) {
  const rotate = useAction(async () => onSaved(await patch(webhooksPath(namespace, webhook.id), { rotate: true })));
  return html`<${Confirm} title=${t("webhooks.rotate")} action=${t("webhooks.rotate")} busy=${rotate.busy} error=${rotate.error} onConfirm=${rotate.run} onClose=${onClose}><p>${t("webhooks.rotateText")}</p></${Confirm}>`;
}

/** Deletes a webhook with its deliveries. */
export function Removal({ namespace, webhook, onDone, onClose }) {
  const remove = useAction(async () => {
    await del(webhooksPath(namespace, webhook.id));
    toast(t("webhooks.deleted"), { tone: "good" });
    onDone();
  });
  return html`<${Confirm} title=${t("webhooks.delete")} action=${t("action.delete")} danger busy=${remove.busy} error=${remove.error} onConfirm=${remove.run} onClose=${onClose}><p class="breaks">${t("webhooks.deleteText", { url: webhook.url })}</p></${Confirm}>`;
}
