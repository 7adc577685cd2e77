import { html, useEffect, useState } from "../../ui/html.js";
import { Button } from "../../ui/button.js";
import { Dialog } from "../../ui/dialog.js";
import { CheckField, Form, TextField } from "../../ui/form.js";
import { Notice } from "../../ui/notice.js";
import { accountPath } from "../../lib/account-path.js";
import { post } from "../../lib/api.js";
import { useAction } from "../../lib/query.js";
import { typedNumber } from "../../lib/tiers.js";
import { t } from "../../lib/i18n.js";

const POLL_MS = 3_000;

/** Moves an account to another database, and follows it there. */
export function Move({ account, onClose, onChanged }) {
  const [shard, setShard] = useState("");
  const [restart, setRestart] = useState(false);
  const [answer, setAnswer] = useState(null);
  // The same call begins a move and tells how far it is.
  const ask = useAction(async (anew) => {
    const next = await post(`${accountPath(account)}/move`, { shard: typedNumber(shard), ...(anew ? { restart: true } : {}) });
    setAnswer(next);
    if (!next.moving) onChanged();
  });
  const moving = Boolean(answer?.moving);
  useEffect(() => {
    if (!moving) return undefined;
    const timer = setInterval(() => ask.run(false), POLL_MS);
    return () => clearInterval(timer);
  }, [moving]);
  const state = answer && (moving ? t("accounts.moving", { shard: answer.shard }) : t("accounts.moved", { shard: answer.shard }));
  return html`<${Dialog} title=${t("accounts.moveOf", { user: account.agentcache_user_id })} onClose=${onClose}>
    <p>${t("accounts.moveText")}</p>
    <${Form} onSubmit=${() => ask.run(restart)} error=${ask.error} fields=${["shard"]}>
      <${TextField} label=${t("accounts.shard")} name="shard" error=${ask.error} value=${shard} onInput=${setShard} inputmode="numeric" />
      <${CheckField} label=${t("accounts.restart")} checked=${restart} onChange=${setRestart} />
      <div role="status">${state && html`<${Notice} tone=${moving ? "neutral" : "good"} icon=${moving ? "clock" : "check"}>${state}</${Notice}>`}</div>
      <div class="dialog-actions"><${Button} onClick=${onClose}>${t("action.close")}</${Button}><${Button} type="submit" kind="primary" busy=${ask.busy} disabled=${shard.trim() === "" || moving}>${t("accounts.move")}</${Button}></div>
    </${Form}>
  </${Dialog}>`;
}
