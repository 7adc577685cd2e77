import { html, useState } from "../../ui/html.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { CheckField, Form, TextField } from "../../ui/form.js";
import { Notice } from "../../ui/notice.js";
import { toast } from "../../ui/toast.js";
import { patch } from "../../lib/api.js";
import { useAction } from "../../lib/query.js";
import { LIMITS, limitsOf, tierChanges } from "../../lib/tiers.js";
import { t } from "../../lib/i18n.js";

/** Edits a tier; what is wrong with a value the API says. Shows what changes before it does. */
export function TierEditor({ tier, onClose, onSaved }) {
  const [typed, setTyped] = useState(() => ({ ...Object.fromEntries(LIMITS.map(({ name }) => [name, String(tier[name])])), jetty_speed_enabled: tier.jetty_speed_enabled }));
  const changes = tierChanges(tier, typed);
  const isChanged = Object.keys(changes).length > 0;
  const save = useAction(async () => {
    await patch(`/api/portal/tiers/${encodeURIComponent(tier.tier)}`, changes);
    toast(t("tiers.saved", { tier: tier.tier }), { tone: "good" });
    onSaved();
    onClose();
  });
  const set = (name) => (value) => setTyped((before) => ({ ...before, [name]: value }));
  const label = ({ name, unit }) => (unit ? t("tiers.unit", { name: t(`tiers.${name}`), unit }) : t(`tiers.${name}`));
  return html`<${Dialog} title=${t("tiers.editOf", { tier: tier.tier })} onClose=${onClose}>
    <${Form} onSubmit=${() => isChanged && save.run()} error=${save.error} fields=${LIMITS.map(({ name }) => name)}>
      <div class="pairs">${LIMITS.map((limit) => html`<${TextField} key=${limit.name} label=${label(limit)} name=${limit.name} error=${save.error} value=${typed[limit.name]} onInput=${set(limit.name)} inputmode="numeric" autocomplete="off" />`)}</div>
      <${CheckField} label=${t("tiers.jetty_speed_enabled")} hint=${t("tiers.sessionsHint")} checked=${typed.jetty_speed_enabled} onChange=${set("jetty_speed_enabled")} />
      <${Preview} tier=${tier} changes=${changes} />
      <div class="dialog-actions"><${Button} onClick=${onClose}>${t("action.cancel")}</${Button}><${Button} type="submit" kind="primary" busy=${save.busy} disabled=${!isChanged}>${t("action.save")}</${Button}></div>
    </${Form}>
  </${Dialog}>`;
}

function Preview({ tier, changes }) {
  const names = Object.keys(changes);
  if (names.length === 0) return html`<p class="field-hint">${t("tiers.noChange")}</p>`;
  const [before, after] = [limitsOf(tier), limitsOf({ ...tier, ...changes })];
  const lines = before.map((limit, index) => ({ ...limit, next: after[index].text })).filter(({ name }) => names.includes(name));
  const isLess = names.some((name) => typeof changes[name] === "number" && changes[name] < tier[name]);
  return html`<div role="status"><p class="field-hint">${t("tiers.changes", { tier: tier.tier })}</p>
    <ul class="changes">${lines.map(({ name, text, next }) => html`<li key=${name}>${t(`tiers.${name}`)}: <span class="weak">${text}</span> → <strong>${next}</strong></li>`)}</ul>
    ${isLess && html`<${Notice} tone="warn">${t("tiers.less")}</${Notice}>`}
  </div>`;
}
