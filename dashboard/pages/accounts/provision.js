import { html, useState } from "../../ui/html.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { Form, SelectField, TextField } from "../../ui/form.js";
import { Credentials } from "../../ui/rotate.js";
import { toast } from "../../ui/toast.js";
import { post } from "../../lib/api.js";
import { useAction } from "../../lib/query.js";
import { t } from "../../lib/i18n.js";

/** Provisions an account by hand, and shows its credentials once. */
export function Provision({ tiers, onClose, onDone }) {
  const [user, setUser] = useState("");
  const [email, setEmail] = useState("");
  const [tier, setTier] = useState("");
  const [answer, setAnswer] = useState(null);
  const [once] = useState(() => crypto.randomUUID());
  const chosen = tier || tiers[0]?.tier || "";
  const add = useAction(async () => {
    const body = { agentcache_user_id: user.trim(), agentcache_email: email.trim(), tier: chosen };
    const found = await post("/api/portal/accounts", body, { headers: { "idempotency-key": `${once}-${body.agentcache_user_id.length}` } });
    onDone();
    if (found.account.api_secret) setAnswer(found);
    else {
      toast(t(found.cached ? "accounts.existedPlain" : "accounts.wasAdded", { user: found.account.agentcache_user_id }));
      onClose();
    }
  });
  if (answer) {
    const text = answer.cached ? t("accounts.existed") : null;
    return html`<${Credentials} title=${t("accounts.wasAdded", { user: answer.account.agentcache_user_id })} account=${answer.account} onClose=${onClose}>${text && html`<p>${text}</p>`}</${Credentials}>`;
  }
  const fields = ["agentcache_user_id", "agentcache_email", "tier"];
  return html`<${Dialog} title=${t("accounts.add")} onClose=${onClose}>
    <${Form} onSubmit=${add.run} error=${add.error} fields=${fields}>
      <${TextField} label=${t("accounts.user")} hint=${t("accounts.userHint")} name="agentcache_user_id" error=${add.error} value=${user} onInput=${setUser} spellcheck=${false} autocapitalize="off" autocomplete="off" required />
      <${TextField} label=${t("accounts.email")} type="email" name="agentcache_email" error=${add.error} value=${email} onInput=${setEmail} autocomplete="off" required />
      <${SelectField} label=${t("accounts.tier")} name="tier" error=${add.error} value=${chosen} options=${tiers.map((one) => ({ value: one.tier, label: one.tier }))} onChange=${setTier} />
      <div class="dialog-actions"><${Button} onClick=${onClose}>${t("action.cancel")}</${Button}><${Button} type="submit" kind="primary" busy=${add.busy} disabled=${!user.trim() || !email.trim() || !chosen}>${t("accounts.add")}</${Button}></div>
    </${Form}>
  </${Dialog}>`;
}
