import { html } from "../../ui/html.js";
import { Badge } from "../../ui/badge.js";
import { Button } from "../../ui/button.js";
import { CopyButton } from "../../ui/copy.js";
import { Dialog } from "../../ui/dialog.js";
import { Facts } from "../../ui/page.js";
import { Failure } from "../../ui/states.js";
import { toast } from "../../ui/toast.js";
import { post } from "../../lib/api.js";
import * as format from "../../lib/format.js";
import { useAction } from "../../lib/query.js";
import { readable } from "../../lib/webhooks.js";
import { t } from "../../lib/i18n.js";

const TONES = { pending: "warn", delivered: "good", failed: "bad" };

/** `pending`, `delivered` or `failed`, as a word. */
export const DeliveryState = ({ status }) => html`<${Badge} tone=${TONES[status]}>${t(`webhooks.${status}`)}</${Badge}>`;

/** One delivery: what was sent and what the receiver said, both as text, and sending it again. */
export function Delivery({ namespace, delivery, onClose, onReplayed }) {
  const replay = useAction(async () => {
    await post(`/api/portal/namespaces/${encodeURIComponent(namespace)}/deliveries/${encodeURIComponent(delivery.id)}/replay`);
    toast(t("webhooks.replayed"), { tone: "good" });
    onReplayed();
  });
  const payload = readable(delivery.payload);
  return html`<${Dialog} title=${delivery.event} wide onClose=${onClose}>
    <div class="columns"><${Facts} entries=${[
      [t("webhooks.state"), html`<${DeliveryState} status=${delivery.status} />`],
      [t("webhooks.attempts"), format.count(delivery.attempts)],
      [t("webhooks.next"), delivery.nextAt ? format.dateTime(delivery.nextAt) : null],
    ]} /><${Facts} entries=${[
      [t("webhooks.at"), format.dateTime(delivery.createdAt)],
      [t("webhooks.tried"), delivery.triedAt ? format.dateTime(delivery.triedAt) : null],
      [t("webhooks.message"), html`<code>${delivery.messageId}</code>`],
    ]} /></div>
    <${Text} title=${t("webhooks.payload")} text=${payload?.text} missing=${t("webhooks.payloadUnknown")} note=${payload?.isCut ? t("webhooks.payloadCut") : null} />
    ${(delivery.responseStatus || delivery.error) && html`<${Text} title=${`${t("webhooks.response")}${delivery.responseStatus ? ` · ${delivery.responseStatus}` : ""}`} text=${delivery.error ?? delivery.response} missing=${t("webhooks.responseEmpty")} />`}
    ${replay.error && html`<${Failure} compact error=${replay.error} />`}
    <div class="dialog-actions"><p class="field-hint">${t("webhooks.replayText")}</p><${Button} kind="primary" icon="retry" busy=${replay.busy} onClick=${replay.run}>${t("webhooks.replay")}</${Button}></div>
  </${Dialog}>`;
}

function Text({ title, text, missing, note }) {
  return html`<section class="block"><div class="block-head"><h3>${title}</h3>${text && html`<${CopyButton} text=${text} label=${t("secrets.copy", { name: title })} />`}</div>
    ${text ? html`<pre tabindex="0" role="region" aria-label=${title}>${text}</pre>` : html`<p class="weak">${missing}</p>`}
    ${note && html`<p class="field-hint">${note}</p>`}
  </section>`;
}
