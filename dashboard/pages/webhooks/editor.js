import { html, useState } from "../../ui/html.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { CheckField, Form, TextField } from "../../ui/form.js";
import { patch, post } from "../../lib/api.js";
import { useAction } from "../../lib/query.js";
import { EVENTS, webhooksPath } from "../../lib/webhooks.js";
import { t } from "../../lib/i18n.js";

/** Adds a webhook, or changes `webhook`. `onSaved` gets the API's answer, which has a new webhook's secret. */
export function Editor({ namespace, webhook, onSaved, onClose }) {
  const [url, setUrl] = useState(webhook?.url ?? "");
  const [events, setEvents] = useState(webhook?.events ?? ["upload.completed", "upload.failed"]);
  const [secret, setSecret] = useState("");
  // One key for all attempts of this dialog, so that a repeated click adds nothing twice.
  const [once] = useState(() => crypto.randomUUID());
  const save = useAction(async () => {
    const body = { url: url.trim(), events };
    if (webhook) return onSaved(await patch(webhooksPath(namespace, webhook.id), body));
    if (secret.trim()) body.secret = secret.trim();
    return onSaved(await post(webhooksPath(namespace), body, { headers: { "idempotency-key": `${once}-${body.url.length}-${events.length}` } }));
  });
  const choose = (event, on) => setEvents(EVENTS.filter((name) => (name === event ? on : events.includes(name))));
  return html`<${Dialog} title=${t(webhook ? "webhooks.edit" : "webhooks.add")} onClose=${onClose}>
    <${Form} onSubmit=${save.run} error=${save.error} fields=${["url", "secret"]}>
      <${TextField} label=${t("webhooks.url")} hint=${t("webhooks.urlHint")} name="url" error=${save.error} type="url" value=${url} onInput=${setUrl} placeholder="https://example.com/hook" required />
      <fieldset class="choices"><legend>${t("webhooks.events")}</legend>
        ${EVENTS.map((event) => html`<${CheckField} key=${event} label=${event} hint=${t(`event.${event}`)} checked=${events.includes(event)} onChange=${(on) => choose(event, on)} />`)}
      </fieldset>
      ${!webhook && html`<${TextField} label=${t("webhooks.ownSecret")} hint=${t("webhooks.ownSecretHint")} name="secret" error=${save.error} value=${secret} onInput=${setSecret} autocomplete="off" spellcheck=${false} />`}
      <div class="dialog-actions"><${Button} onClick=${onClose}>${t("action.cancel")}</${Button}><${Button} type="submit" kind="primary" busy=${save.busy} disabled=${!url.trim() || events.length === 0}>${t(webhook ? "action.save" : "webhooks.add")}</${Button}></div>
    </${Form}>
  </${Dialog}>`;
}
