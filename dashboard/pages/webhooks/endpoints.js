import { html, useState } from "../../ui/html.js";
import { Badge } from "../../ui/badge.js";
import { Button } from "../../ui/button.js";
import { Menu } from "../../ui/menu.js";
import { SecretsOnce } from "../../ui/secrets.js";
import { Await, Empty, errorText, Skeleton } from "../../ui/states.js";
import { Table } from "../../ui/table.js";
import { toast } from "../../ui/toast.js";
import { post } from "../../lib/api.js";
import * as format from "../../lib/format.js";
import { useQuery } from "../../lib/query.js";
import { href, navigate } from "../../lib/router.js";
import { webhooksPath } from "../../lib/webhooks.js";
import { t } from "../../lib/i18n.js";
import { Editor } from "./editor.js";
import { Removal, Rotation } from "./questions.js";

/** The webhooks of a namespace, and what one does with them. */
export function Endpoints({ namespace, adding, onAdd }) {
  const query = useQuery(webhooksPath(namespace));
  const [open, setOpen] = useState(null);
  const [secret, setSecret] = useState(null);
  const close = () => {
    setOpen(null);
    onAdd(false);
  };
  const saved = ({ webhook }) => {
    close();
    query.reload();
    if (webhook.secret) setSecret({ title: t(open?.kind === "rotate" ? "webhooks.rotated" : "webhooks.created"), value: webhook.secret });
    else toast(t("webhooks.saved"), { tone: "good" });
  };
  const test = async (webhook) => {
    try {
      await post(`${webhooksPath(namespace, webhook.id)}/test`);
      toast(t("webhooks.tested"), { tone: "good", action: { label: t("webhooks.deliveries"), act: () => navigate(["webhooks", namespace, webhook.id]) } });
    } catch (error) {
      toast(errorText(error), { tone: "bad" });
    }
  };
  const empty = html`<${Empty} icon="webhooks" title=${t("webhooks.none")} text=${t("webhooks.noneText")}><${Button} kind="primary" icon="plus" onClick=${() => onAdd(true)}>${t("webhooks.add")}</${Button}></${Empty}>`;
  return html`<${Await} query=${query} skeleton=${html`<${Skeleton} lines=${4} height=${28} />`} isEmpty=${(data) => data.webhooks.length === 0} empty=${empty}>
      ${(data) => html`<${Table} caption=${t("page.webhooks")} columns=${columnsOf({ namespace, setOpen, test })} rows=${data.webhooks} rowKey=${(webhook) => webhook.id} />`}
    </${Await}>
    ${(adding || open?.kind === "edit") && html`<${Editor} namespace=${namespace} webhook=${open?.webhook} onSaved=${saved} onClose=${close} />`}
    ${open?.kind === "rotate" && html`<${Rotation} namespace=${namespace} webhook=${open.webhook} onSaved=${saved} onClose=${close} />`}
    ${open?.kind === "delete" && html`<${Removal} namespace=${namespace} webhook=${open.webhook} onClose=${close} onDone=${() => {
      close();
      query.reload();
    }} />`}
    ${secret && html`<${SecretsOnce} title=${secret.title} entries=${[{ label: t("secrets.signing"), value: secret.value }]} onClose=${() => setSecret(null)} />`}`;
}

const columnsOf = ({ namespace, setOpen, test }) => [
  { id: "url", label: t("webhooks.url"), primary: true, render: (webhook) => html`<a class="long" href=${href(["webhooks", namespace, webhook.id])}>${webhook.url}</a>` },
  { id: "events", label: t("webhooks.events"), render: (webhook) => html`<span class="badges">${webhook.events.map((event) => html`<${Badge} key=${event}>${event}</${Badge}>`)}</span>` },
  {
    id: "changed",
    label: t("webhooks.changed"),
    align: "end",
    render: (webhook) => (webhook.oldSecretUntil ? html`<${Badge} tone="warn">${t("webhooks.old", { time: format.dateTime(webhook.oldSecretUntil) })}</${Badge}>` : format.date(webhook.updatedAt)),
  },
  {
    id: "actions",
    label: t("action.actions"),
    actions: true,
    render: (webhook) => html`<${Menu} label=${`${t("action.actions")}: ${webhook.url}`} items=${[
      { label: t("webhooks.deliveries"), icon: "clock", act: () => navigate(["webhooks", namespace, webhook.id]) },
      { label: t("webhooks.test"), icon: "play", act: () => test(webhook) },
      { label: t("webhooks.edit"), icon: "edit", act: () => setOpen({ kind: "edit", webhook }) },
      { label: t("webhooks.rotate"), icon: "retry", act: () => setOpen({ kind: "rotate", webhook }) },
      { label: t("webhooks.delete"), icon: "trash", danger: true, act: () => setOpen({ kind: "delete", webhook }) },
    ]} />`,
  },
];
