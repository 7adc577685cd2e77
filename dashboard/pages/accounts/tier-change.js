import { html, useState } from "../../ui/html.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { CheckField, Form, SelectField } from "../../ui/form.js";
import { toast } from "../../ui/toast.js";
import { accountPath } from "../../lib/account-path.js";
import { patch } from "../../lib/api.js";
import { useAction } from "../../lib/query.js";
import { limitsOf } from "../../lib/tiers.js";
import { t } from "../../lib/i18n.js";

/** Puts an account into another tier, and shows what that changes. */
export function TierChange({ account, tiers, onClose, onChanged }) {
  const [tier, setTier] = useState(account.tier);
  const [force, setForce] = useState(false);
  const user = account.agentcache_user_id;
  const change = useAction(async () => {
    await patch(accountPath(account), force ? { tier, force } : { tier });
    toast(t("accounts.wasChanged", { user, tier }), { tone: "good" });
    onChanged();
    onClose();
  });
  const find = (name) => tiers.find((one) => one.tier === name);
  const needsForce = change.error?.code === "below-usage" || force;
  return html`<${Dialog} title=${t("accounts.changeTierOf", { user })} onClose=${onClose}>
    <${Form} onSubmit=${change.run} error=${change.error} fields=${["tier"]}>
      <${SelectField} label=${t("accounts.tier")} name="tier" error=${change.error} value=${tier} options=${tiers.map((one) => ({ value: one.tier, label: one.tier }))} onChange=${setTier} />
      ${find(account.tier) && find(tier) && html`<${Comparison} now=${find(account.tier)} then=${find(tier)} />`}
      ${needsForce && html`<${CheckField} label=${t("accounts.force")} hint=${t("accounts.forceHint")} checked=${force} onChange=${setForce} />`}
      <div class="dialog-actions"><${Button} onClick=${onClose}>${t("action.cancel")}</${Button}><${Button} type="submit" kind="primary" busy=${change.busy} disabled=${tier === account.tier}>${t("accounts.changeTier")}</${Button}></div>
    </${Form}>
  </${Dialog}>`;
}

function Comparison({ now, then }) {
  return html`<table class="compare"><thead><tr><td></td><th scope="col">${t("accounts.now")}</th><th scope="col">${t("accounts.then")}</th></tr></thead>
    <tbody>${limitsOf(now).map(({ name, text }, index) => {
      const next = limitsOf(then)[index].text;
      return html`<tr key=${name} class=${next === text ? undefined : "changed"}><th scope="row">${t(`tiers.${name}`)}</th><td>${text}</td><td>${next}</td></tr>`;
    })}</tbody></table>`;
}
