import { html, useState } from "../../ui/html.js";
import { AwaitAll } from "../../ui/await-all.js";
import { Button } from "../../ui/button.js";
import { Menu } from "../../ui/menu.js";
import { PageHeader } from "../../ui/page.js";
import { toast } from "../../ui/toast.js";
import { useQuery } from "../../lib/query.js";
import { href, navigate } from "../../lib/router.js";
import { t } from "../../lib/i18n.js";
import { Editor } from "./editor.js";
import { Figures } from "./figures.js";
import { Members } from "./members.js";
import { Purge, Removal } from "./questions.js";
import { Settings } from "./settings.js";

/** A namespace: its figures, settings and members. */
export function Namespace({ name }) {
  const path = `/api/portal/namespaces/${encodeURIComponent(name)}`;
  const query = useQuery(path);
  const stats = useQuery(`${path}/stats`);
  const [open, setOpen] = useState(null);
  const close = () => setOpen(null);
  const namespace = query.data;
  const saved = () => {
    close();
    toast(t("namespaces.saved"), { tone: "good" });
    query.reload();
  };
  return html`<p class="back"><a href=${href("namespaces")}>${t("namespaces.back")}</a></p>
    <${PageHeader} title=${namespace?.display_name || name} text=${html`<code class="breaks">${name}</code>`}>
      <${Button} href=${href("webhooks", { namespace: name })} icon="webhooks">${t("namespaces.webhooks")}</${Button}>
      <${Button} icon="edit" disabled=${!namespace} onClick=${() => setOpen("edit")}>${t("namespaces.edit")}</${Button}>
      <${Menu} label=${t("action.actions")} items=${[
        { label: t("namespaces.purge"), icon: "retry", act: () => setOpen("purge") },
        { label: t("namespaces.delete"), icon: "trash", danger: true, act: () => setOpen("delete") },
      ]} />
    </${PageHeader}>
    <${AwaitAll} queries=${[query, stats]}>${(data) => html`
      <${Figures} query=${stats} expected=${data.expected_hit_rate} />
      <${Settings} namespace=${data} />
      <${Members} path=${path} members=${data.members ?? []} managers=${data.managers ?? []} onChanged=${query.reload} />`}
    </${AwaitAll}>
    ${open === "edit" && html`<${Editor} namespace=${namespace} onClose=${close} onSaved=${saved} />`}
    ${open === "purge" && html`<${Purge} path=${path} name=${name} onClose=${close} />`}
    ${open === "delete" && html`<${Removal} path=${path} name=${name} onClose=${close} onDone=${() => navigate("namespaces")} />`}`;
}
