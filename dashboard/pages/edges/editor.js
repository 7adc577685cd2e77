import { html, useState } from "../../ui/html.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { Form, SelectField, TextField } from "../../ui/form.js";
import { toast } from "../../ui/toast.js";
import { patch, post } from "../../lib/api.js";
import { CONTINENTS, EDGE_FIELDS, edgeChanges, edgeForm } from "../../lib/edges.js";
import { useAction } from "../../lib/query.js";
import { t } from "../../lib/i18n.js";

const HINTS = { id: "edges.idHint", url: "edges.urlHint" };
const NUMBERS = ["lat", "lon", "capacity_mbps"];

/** Adds an edge, or changes `edge`. What is wrong the API says, at its field. */
export function Editor({ edge, onClose, onSaved }) {
  const [form, setForm] = useState(() => edgeForm(edge));
  const body = edgeChanges(edge, form);
  const save = useAction(async () => {
    const saved = edge ? await patch(`/api/portal/edges/${encodeURIComponent(edge.id)}`, body) : await post("/api/portal/edges", body);
    toast(t("edges.saved", { name: saved.name }), { tone: "good" });
    onSaved();
  });
  const set = (name) => (value) => setForm((before) => ({ ...before, [name]: value }));
  const isReady = Object.keys(body).length > 0 && (edge || form.name.trim());
  const field = (name) => {
    const common = { key: name, label: t(`edges.${name}`), name: name === "capacity_mbps" ? ["capacity_mbps", "capacityMbps"] : name, error: save.error, value: form[name] };
    if (name === "continent") return html`<${SelectField} ...${common} options=${CONTINENTS.map((value) => ({ value, label: t(`edges.${value}`) }))} onChange=${set(name)} />`;
    return html`<${TextField} ...${common} hint=${HINTS[name] && t(HINTS[name])} onInput=${set(name)} inputmode=${NUMBERS.includes(name) ? "decimal" : undefined} autocomplete="off" spellcheck=${false} />`;
  };
  return html`<${Dialog} title=${edge ? t("edges.editOf", { name: edge.name }) : t("edges.add")} onClose=${onClose}>
    <${Form} onSubmit=${() => isReady && save.run()} error=${save.error} fields=${[...EDGE_FIELDS, "capacityMbps"]}>
      <div class="pairs">${EDGE_FIELDS.filter((name) => !(edge && name === "id")).map(field)}</div>
      <div class="dialog-actions"><${Button} onClick=${onClose}>${t("action.cancel")}</${Button}><${Button} type="submit" kind="primary" busy=${save.busy} disabled=${!isReady}>${t(edge ? "action.save" : "edges.add")}</${Button}></div>
    </${Form}>
  </${Dialog}>`;
}
