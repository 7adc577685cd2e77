import { html, useState } from "../../ui/html.js";
import { Badge } from "../../ui/badge.js";
import { Button } from "../../ui/button.js";
import { PageHeader } from "../../ui/page.js";
import { Await, Empty, errorText, Skeleton } from "../../ui/states.js";
import { More, Table } from "../../ui/table.js";
import { toast } from "../../ui/toast.js";
import { post } from "../../lib/api.js";
import * as format from "../../lib/format.js";
import { usePages, useQuery } from "../../lib/query.js";
import { href } from "../../lib/router.js";
import { webhooksPath } from "../../lib/webhooks.js";
import { t } from "../../lib/i18n.js";
import { Delivery, DeliveryState } from "./delivery.js";

const REFRESH_MS = 5_000;

/** What was sent to a webhook in the last 30 days. */
export function Deliveries({ namespace, id }) {
  const path = webhooksPath(namespace, id);
  const webhook = useQuery(path);
  const pages = usePages(`${path}/deliveries?limit=50`, "deliveries", { every: REFRESH_MS });
  const [open, setOpen] = useState(null);
  const url = webhook.data?.webhook.url;
  const test = async () => {
    try {
      await post(`${path}/test`);
      toast(t("webhooks.tested"), { tone: "good" });
      pages.reload();
    } catch (error) {
      toast(errorText(error), { tone: "bad" });
    }
  };
  if (webhook.loading) return html`<${Skeleton} lines=${8} height=${28} />`;
  const shown = open && (pages.rows.find((delivery) => delivery.id === open.id) ?? open);
  const empty = html`<${Empty} icon="clock" title=${t("webhooks.noDeliveries")} text=${t("webhooks.noDeliveriesText")}><${Button} kind="primary" icon="play" onClick=${test}>${t("webhooks.test")}</${Button}></${Empty}>`;
  return html`<p class="back"><a href=${href("webhooks", { namespace })}>${t("webhooks.back")}</a></p>
    <${PageHeader} title=${t("webhooks.deliveries")} text=${url ? html`<span class="breaks">${t("webhooks.deliveriesOf", { url })}</span>` : " "}>
      <${Button} icon="play" onClick=${test}>${t("webhooks.test")}</${Button}>
    </${PageHeader}>
    <${Await} query=${pages} skeleton=${html`<${Skeleton} lines=${6} height=${28} />`} isEmpty=${() => pages.rows.length === 0} empty=${empty}>
      ${() => html`<${Table} caption=${t("webhooks.deliveries")} columns=${columnsOf(setOpen)} rows=${pages.rows} rowKey=${(delivery) => delivery.id} /><${More} pages=${pages} />`}
    </${Await}>
    ${shown && html`<${Delivery} namespace=${namespace} delivery=${shown} onClose=${() => setOpen(null)} onReplayed=${pages.reload} />`}`;
}

const columnsOf = (open) => [
  { id: "event", label: t("webhooks.event"), primary: true, render: (delivery) => html`<button type="button" class="link" aria-label=${t("webhooks.open", { event: delivery.event })} onClick=${() => open(delivery)}>${delivery.event}</button>` },
  { id: "state", label: t("webhooks.state"), render: (delivery) => html`<${DeliveryState} status=${delivery.status} />` },
  { id: "answer", label: t("webhooks.answer"), render: answerOf },
  { id: "attempts", label: t("webhooks.attempts"), align: "end", render: (delivery) => format.count(delivery.attempts) },
  { id: "next", label: t("webhooks.next"), align: "end", render: (delivery) => (delivery.nextAt ? html`<span title=${format.dateTime(delivery.nextAt)}>${format.relative(delivery.nextAt)}</span>` : html`<span class="weak">${format.UNKNOWN}</span>`) },
  { id: "at", label: t("webhooks.at"), align: "end", render: (delivery) => html`<time datetime=${delivery.createdAt} title=${format.dateTime(delivery.createdAt)}>${format.relative(delivery.createdAt)}</time>` },
];

function answerOf({ responseStatus, error }) {
  if (responseStatus) return html`<${Badge} tone=${responseStatus >= 200 && responseStatus < 300 ? "good" : "bad"}>${responseStatus}</${Badge}>`;
  return html`<span class="weak">${error ?? t("webhooks.noAnswer")}</span>`;
}
