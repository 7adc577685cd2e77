import { html, useState } from "./html.js";
import { Button } from "./button.js";
import { Dialog } from "./dialog.js";
import { Form, SelectField } from "./form.js";
import { Notice } from "./notice.js";
import { OVERLAPS, SecretsOnce } from "./secrets.js";
import { post } from "../lib/api.js";
import * as format from "../lib/format.js";
import { useAction } from "../lib/query.js";
import { t } from "../lib/i18n.js";

/**
 * New credentials of an account: asks for how long the old ones stay valid, then shows the new ones once.
 * @param {{title: string, path: string, text?: string, onClose: () => void, onDone: () => void}} props `path`: a POST of `{overlap_seconds}`
 */
export function Rotate({ title, path, text, onClose, onDone }) {
  const [overlap, setOverlap] = useState("86400");
  const [answer, setAnswer] = useState(null);
  const rotate = useAction(async () => {
    setAnswer(await post(path, { overlap_seconds: Number(overlap) }));
    onDone();
  });
  if (answer) {
    const until = answer.old_credentials_expire_at;
    return html`<${Credentials} title=${title} account=${answer.account} onClose=${onClose}><p>${until ? t("secrets.oldUntil", { time: format.dateTime(until) }) : t("secrets.oldGone")}</p></${Credentials}>`;
  }
  const options = OVERLAPS.map((seconds) => ({ value: String(seconds), label: t(`secrets.overlap${seconds}`) }));
  return html`<${Dialog} title=${title} onClose=${onClose}>
    ${text && html`<p>${text}</p>`}
    <${Form} onSubmit=${rotate.run} error=${rotate.error} fields=${["overlap_seconds"]}>
      <${SelectField} label=${t("secrets.overlap")} name="overlap_seconds" error=${rotate.error} value=${overlap} options=${options} onChange=${setOverlap} />
      <${Notice} tone=${overlap === "0" ? "warn" : "neutral"}>${t(overlap === "0" ? "secrets.rotateNow" : "secrets.rotateLater")}</${Notice}>
      <div class="dialog-actions"><${Button} onClick=${onClose}>${t("action.cancel")}</${Button}><${Button} type="submit" kind="primary" busy=${rotate.busy}>${t("keys.rotate")}</${Button}></div>
    </${Form}>
  </${Dialog}>`;
}

/** An account's credentials, once. `account` as provisioning and rotation answer it. */
export function Credentials({ title, account, onClose, children }) {
  const entries = [
    { label: t("secrets.key"), value: account.api_key },
    { label: t("secrets.secret"), value: account.api_secret },
  ].filter(({ value }) => value);
  return html`<${SecretsOnce} title=${title} entries=${entries} onClose=${onClose}>${children}</${SecretsOnce}>`;
}
