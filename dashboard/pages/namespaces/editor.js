import { html, useState } from "../../ui/html.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { CheckField, Form, TextField } from "../../ui/form.js";
import { toast } from "../../ui/toast.js";
import { patch, post } from "../../lib/api.js";
import { BOUNDS, changes, CLASSES, creation, FEATURES, formOf } from "../../lib/namespace-form.js";
import { useAction } from "../../lib/query.js";
import { t } from "../../lib/i18n.js";
import { className } from "./settings.js";

const FIELDS = ["name", "shard", "display_name", "tags", "chunk_size", "origin_usd_per_gb", "expected_hit_rate", ...CLASSES.map((name) => `cache_ttl.${name}`), ...BOUNDS.map((name) => `alerts.${name}`)];

/** Creates a namespace, or changes `namespace`; only what differs is sent. */
export function Editor({ namespace, onClose, onSaved }) {
  const [form, setForm] = useState(() => formOf(namespace));
  const body = namespace ? changes(namespace, form) : creation(form);
  const save = useAction(async () => {
    if (namespace) return onSaved(await patch(`/api/portal/namespaces/${encodeURIComponent(namespace.name)}`, body));
    const made = await post("/api/portal/namespaces", body);
    toast(t("namespaces.created", { name: made.name }), { tone: "good" });
    return onSaved(made);
  });
  const set = (name) => (value) => setForm((before) => ({ ...before, [name]: value }));
  const setIn = (group, name) => (value) => setForm((before) => ({ ...before, [group]: { ...before[group], [name]: value } }));
  const line = (name, hint, rest = {}) => html`<${TextField} label=${t(`namespaces.${name}`)} hint=${hint} name=${name} error=${save.error} value=${form[name]} onInput=${set(name)} ...${rest} />`;
  const number = { inputmode: "decimal", autocomplete: "off" };
  const isReady = namespace ? Object.keys(body).length > 0 : Boolean(form.name.trim());
  return html`<${Dialog} wide title=${namespace ? t("namespaces.editOf", { name: namespace.display_name || namespace.name }) : t("namespaces.add")} onClose=${onClose}>
    <${Form} onSubmit=${() => isReady && save.run()} error=${save.error} fields=${FIELDS}>
      <div class="pairs">
        ${!namespace && line("name", t("namespaces.nameHint"), { spellcheck: false, autocapitalize: "off" })}
        ${line("display_name")}
        ${line("tags", t("namespaces.tagsHint"))}
        ${!namespace && line("shard", t("namespaces.shardHint"), { inputmode: "numeric" })}
      </div>
      <fieldset class="choices pairs"><legend>${t("namespaces.features")}</legend>
        ${FEATURES.map((name) => html`<${CheckField} key=${name} label=${t(`namespaces.${name}`)} checked=${form.features[name]} onChange=${setIn("features", name)} />`)}
      </fieldset>
      <${Numbers} title=${t("namespaces.ttl")} hint=${t("namespaces.ttlHint")} group="cache_ttl" names=${CLASSES} label=${className} form=${form} error=${save.error} setIn=${setIn} />
      <fieldset class="choices pairs"><legend>${t("namespaces.policies")}</legend>
        <${CheckField} label=${t("namespaces.allow_unsigned")} hint=${t("namespaces.allow_unsignedHint")} checked=${form.allow_unsigned} onChange=${set("allow_unsigned")} />
        <${CheckField} label=${t("namespaces.cross_namespace_dedup")} hint=${t("namespaces.cross_namespace_dedupHint")} checked=${form.cross_namespace_dedup} onChange=${set("cross_namespace_dedup")} />
      </fieldset>
      <div class="pairs">
        ${line("chunk_size", t("namespaces.chunk_sizeHint"), number)}
        ${line("origin_usd_per_gb", t("namespaces.originHint"), number)}
        ${line("expected_hit_rate", undefined, number)}
      </div>
      <${Numbers} title=${t("namespaces.alerts")} hint=${t("namespaces.alertsHint")} group="alerts" names=${BOUNDS} label=${(name) => t(`namespaces.${name}`)} form=${form} error=${save.error} setIn=${setIn} />
      <div class="dialog-actions"><${Button} onClick=${onClose}>${t("action.cancel")}</${Button}><${Button} type="submit" kind="primary" busy=${save.busy} disabled=${!isReady}>${t(namespace ? "action.save" : "namespaces.add")}</${Button}></div>
    </${Form}>
  </${Dialog}>`;
}

function Numbers({ title, hint, group, names, label, form, error, setIn }) {
  return html`<fieldset class="choices"><legend>${title} <span class="field-hint">${hint}</span></legend>
    <div class="pairs">${names.map((name) => html`<${TextField} key=${name} label=${label(name)} name=${`${group}.${name}`} error=${error} value=${form[group][name]} onInput=${setIn(group, name)} inputmode="decimal" autocomplete="off" />`)}</div>
  </fieldset>`;
}
