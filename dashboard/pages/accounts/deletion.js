import { html, useState } from "../../ui/html.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { Form, TextField } from "../../ui/form.js";
import { toast } from "../../ui/toast.js";
import { accountPath } from "../../lib/account-path.js";
import { del } from "../../lib/api.js";
import * as format from "../../lib/format.js";
import { useAction } from "../../lib/query.js";
import { t } from "../../lib/i18n.js";

const DAY_MS = 86_400_000;

/** Deletes an account with everything that it has, after its name was typed. */
export function Deletion({ account, onClose, onChanged }) {
  const [typed, setTyped] = useState("");
  const user = account.agentcache_user_id;
  const remove = useAction(async () => {
    const answer = await del(accountPath(account));
    toast(t("accounts.wasDeleted", { user, time: format.dateTime(answer.gone_by) }), { ms: 12_000 });
    onChanged();
    onClose();
  });
  return html`<${Dialog} title=${t("accounts.deleteOf", { user })} onClose=${onClose}>
    <ul class="bullets">
      <li>${t("accounts.deleteAtOnce")}</li>
      <li>${t("accounts.deleteThen", { time: format.dateTime(new Date(Date.now() + DAY_MS)), objects: format.count(account.objects) })}</li>
      <li>${t("accounts.deleteOthers")}</li>
      <li><strong>${t("accounts.deleteNoWay")}</strong></li>
    </ul>
    <${Form} onSubmit=${() => typed === user && remove.run()} error=${remove.error}>
      <${TextField} label=${t("accounts.deleteType", { user })} value=${typed} onInput=${setTyped} autocomplete="off" spellcheck=${false} autocapitalize="off" />
      <div class="dialog-actions"><${Button} onClick=${onClose}>${t("action.cancel")}</${Button}><${Button} type="submit" kind="danger" icon="trash" busy=${remove.busy} disabled=${typed !== user}>${t("accounts.delete")}</${Button}></div>
    </${Form}>
  </${Dialog}>`;
}
